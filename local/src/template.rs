//! What the local server takes from template.yaml: functions, routes, tables, the stream and the environment.
//! Whatever concerns the cloud alone (roles, alarms, capacity) is passed over.

mod events;
mod functions;
mod node;
mod resolve;
mod tables;
mod value;

use std::{collections::BTreeMap, fs, path::Path};

pub use events::{Mapping, Route};
pub use functions::{Cors, Function};
pub use node::Error;
use node::{Node, Source};
pub(crate) use resolve::{ACCOUNT, REGION, stream_arn};
use resolve::{Names, Parameter};
pub use tables::Table;
use value::Value;

/// A template, read.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every Lambda function.
    pub functions: Vec<Function>,
    /// Every DynamoDB table.
    pub tables: Vec<Table>,
    /// `None`: the template does not mention CORS.
    pub cors: Option<Cors>,
}

impl Template {
    /// Reads `file`.
    ///
    /// # Errors
    /// [`Error`] names the file, and the resource and property that the local server cannot make sense of.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|error| Error::of_file(file, error))?;
        Self::parse(file, &text)
    }

    /// Reads `text`, which errors say is in `file`.
    fn parse(file: &Path, text: &str) -> Result<Self, Error> {
        let root: Value =
            serde_saphyr::from_str(text).map_err(|error| Error::of_file(file, error))?;
        let names = names(file, &root)?;
        let source = Source {
            file,
            names: &names,
        };
        let root = Node::new(source, "Template".to_owned(), &root)?;
        let resources = resources(&root)?;
        let globals = root.find(&["Globals", "Function"])?;
        let template = Self {
            functions: functions::read(&resources, globals.as_ref())?,
            tables: tables::read(&resources)?,
            cors: functions::cors(&resources)?,
        };
        template.check(file)?;
        Ok(template)
    }

    /// Every setting that a function finds in its environment, by name.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.functions
            .iter()
            .flat_map(|function| function.environment.keys().map(String::as_str))
    }

    /// Refuses mappings from tables that have no stream, and routes that are stated twice.
    fn check(&self, file: &Path) -> Result<(), Error> {
        let mut seen = BTreeMap::new();
        for function in &self.functions {
            for route in &function.routes {
                if let Some(other) = seen.insert(route.key(), &function.binary) {
                    let problem = format_args!(
                        "{} leads to {other} and to {}",
                        route.key(),
                        function.binary
                    );
                    return Err(Error::of_file(file, problem));
                }
            }
            for mapping in &function.mappings {
                let table = self.tables.iter().find(|table| table.name == mapping.table);
                if table.is_none_or(|table| table.stream.is_none()) {
                    return Err(Error::of_file(
                        file,
                        format_args!("{} has no stream for {}", mapping.table, function.binary),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// One resource that exists here: its condition, if it has one, holds.
struct Resource<'a> {
    name: String,
    kind: String,
    node: Node<'a>,
}

fn resources<'a>(root: &Node<'a>) -> Result<Vec<Resource<'a>>, Error> {
    let all = root.need("Resources")?;
    let mut found = Vec::new();
    for name in all.keys()? {
        let node = all.need(&name)?;
        if let Some(condition) = node.get("Condition")?
            && !node.holds(&condition.text()?)?
        {
            continue;
        }
        let kind = node.need("Type")?.text()?;
        found.push(Resource { name, kind, node });
    }
    Ok(found)
}

/// What intrinsics can refer to; read first, and without them.
fn names(file: &Path, root: &Value) -> Result<Names, Error> {
    let nothing = Names::default();
    let source = Source {
        file,
        names: &nothing,
    };
    let section = |name: &str| match root {
        Value::Map(sections) => match sections.get(name) {
            Some(Value::Map(entries)) => Ok(entries.clone()),
            _ => Ok(BTreeMap::new()),
        },
        other => Err(Error::of_file(
            file,
            format_args!("must be a mapping, but is {}", other.kind()),
        )),
    };
    let node = |section: &str, name: &str, value: &Value| {
        Node::new(source, format!("Template.{section}.{name}"), value)
    };
    let mut names = Names {
        conditions: section("Conditions")?,
        ..Names::default()
    };
    for (name, value) in section("Parameters")? {
        let parameter = parameter(&node("Parameters", &name, &value)?)?;
        names.parameters.insert(name, parameter);
    }
    for (name, value) in section("Resources")? {
        let kind = node("Resources", &name, &value)?.need("Type")?.text()?;
        names.resources.insert(name, kind);
    }
    Ok(names)
}

fn parameter(node: &Node) -> Result<Parameter, Error> {
    let kind = node.need("Type")?.text()?;
    Ok(Parameter {
        default: node
            .get("Default")?
            .map(|default| default.text())
            .transpose()?,
        is_list: kind == "CommaDelimitedList" || kind.starts_with("List<"),
    })
}

#[cfg(test)]
mod tests;
