//! The parts of a SAM template that the development server needs: functions with their routes, streams and environment,
//! tables, and CORS rules. Ignores what matters only in AWS, such as roles, alarms and capacity.

mod events;
mod functions;
mod node;
mod parameters;
mod resolve;
mod tables;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

pub use events::{EventSourceMapping, Route, ScheduleEvent};
pub use functions::{Cors, Function};
pub use node::Error;
use node::{Document, Node};
use resolve::Scope;
pub(crate) use resolve::{ACCOUNT, REGION, stream_arn};
pub use tables::Table;
use value::Value;

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every Lambda function.
    pub functions: Vec<Function>,
    /// Every DynamoDB table.
    pub tables: Vec<Table>,
    /// The CORS rules of the API; `None` if the template has none.
    pub cors: Option<Cors>,
    /// The names of the parameters.
    pub parameters: BTreeSet<String>,
}

impl Template {
    /// Reads `file`, with the defaults of its parameters.
    ///
    /// # Errors
    /// [`Error`] names the file, and the resource and property that is invalid or not supported.
    pub fn read(file: &Path) -> Result<Self, Error> {
        Self::read_with(file, &BTreeMap::new())
    }

    /// Reads `file`, with `values` in place of the defaults of the parameters that they name. Other values have no effect.
    ///
    /// # Errors
    /// [`Error`] names the file, and the parameter, resource or property that is invalid or not supported.
    pub fn read_with(file: &Path, values: &BTreeMap<String, String>) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|error| Error::in_file(file, error))?;
        Self::parse(file, &text, values)
    }

    /// Parses `text`; `file` is its path in errors.
    fn parse(file: &Path, text: &str, values: &BTreeMap<String, String>) -> Result<Self, Error> {
        let root = Value::parse(text).map_err(|error| Error::in_file(file, error))?;
        let scope = scope(file, &root, values)?;
        let document = Document {
            file,
            scope: &scope,
        };
        let root = Node::new(document, "Template".to_owned(), &root)?;
        let resources = resources(&root)?;
        let globals = root.get_path(&["Globals", "Function"])?;
        let template = Self {
            functions: functions::read(&resources, globals.as_ref())?,
            tables: tables::read(&resources)?,
            cors: functions::cors(&resources)?,
            parameters: scope.parameters.keys().cloned().collect(),
        };
        template.check(file)?;
        Ok(template)
    }

    /// The names of the environment variables of every function.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.functions
            .iter()
            .flat_map(|function| function.environment.keys().map(String::as_str))
    }

    /// The value of an environment variable that all functions share.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let mut values = self
            .functions
            .iter()
            .filter_map(|function| function.environment.get(name));
        values.next().map(String::as_str)
    }

    /// Rejects duplicate routes, and mappings from tables without a stream.
    fn check(&self, file: &Path) -> Result<(), Error> {
        let mut seen = BTreeMap::new();
        for function in &self.functions {
            for route in &function.routes {
                if let Some(other) = seen.insert(route.key(), &function.binary) {
                    let problem = format_args!(
                        "the route {} is defined by both {other} and {}",
                        route.key(),
                        function.binary
                    );
                    return Err(Error::in_file(file, problem));
                }
            }
            for mapping in &function.mappings {
                let table = self.tables.iter().find(|table| table.name == mapping.table);
                if table.is_none_or(|table| table.stream.is_none()) {
                    return Err(Error::in_file(
                        file,
                        format_args!(
                            "{} has no stream, but is an event source of {}",
                            mapping.table, function.binary
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A resource without a condition, or whose condition is true.
struct Resource<'a> {
    name: String,
    kind: String,
    node: Node<'a>,
}

fn resources<'a>(root: &Node<'a>) -> Result<Vec<Resource<'a>>, Error> {
    let all = root.require("Resources")?;
    let mut found = Vec::new();
    for name in all.keys()? {
        let node = all.require(&name)?;
        if let Some(condition) = node.get("Condition")?
            && !node.condition(&condition.text()?)?
        {
            continue;
        }
        let kind = node.require("Type")?.text()?;
        found.push(Resource { name, kind, node });
    }
    Ok(found)
}

/// The parts of the template that intrinsics refer to. They are read first and cannot contain intrinsics themselves.
fn scope(file: &Path, root: &Value, values: &BTreeMap<String, String>) -> Result<Scope, Error> {
    let empty = Scope::default();
    let document = Document {
        file,
        scope: &empty,
    };
    let section = |name: &str| match root {
        Value::Map(sections) => match sections.get(name) {
            Some(Value::Map(entries)) => Ok(entries.clone()),
            _ => Ok(Arc::default()),
        },
        other => Err(Error::in_file(
            file,
            format_args!("must be a mapping, but is {}", other.kind()),
        )),
    };
    let node = |section: &str, name: &str, value: &Value| {
        Node::new(document, format!("Template.{section}.{name}"), value)
    };
    let mut scope = Scope {
        conditions: section("Conditions")?,
        ..Scope::default()
    };
    for (name, value) in section("Parameters")?.iter() {
        let node = node("Parameters", name, value)?;
        let parameter = parameters::read(&node, values.get(name))?;
        scope.parameters.insert(name.clone(), parameter);
    }
    for (name, value) in section("Resources")?.iter() {
        let kind = node("Resources", name, value)?.require("Type")?.text()?;
        scope.resources.insert(name.clone(), kind);
    }
    Ok(scope)
}

#[cfg(test)]
mod tests;
