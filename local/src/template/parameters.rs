//! The parameters of the template, and the rules that CloudFormation checks their values by. `AllowedPattern` is left to the
//! functions, which check their settings themselves.

use super::{Error, node::Node, resolve::Parameter};

/// Reads a parameter; `given` is the value to use in place of its default.
pub(super) fn read(node: &Node, given: Option<&String>) -> Result<Parameter, Error> {
    let kind = node.require("Type")?.text()?;
    let default = node.get("Default")?.map(|default| default.text());
    if let Some(value) = given {
        check(node, &kind, value)?;
    }
    Ok(Parameter {
        value: match given {
            Some(value) => Some(value.clone()),
            None => default.transpose()?,
        },
        is_list: kind == "CommaDelimitedList" || kind.starts_with("List<"),
    })
}

fn check(node: &Node, kind: &str, value: &str) -> Result<(), Error> {
    if let Some(allowed) = node.get("AllowedValues")? {
        let allowed = allowed.texts()?;
        if !allowed.iter().any(|one| one == value) {
            return Err(node.error(format_args!(
                "{value:?} is not one of the values {}",
                allowed.join(", ")
            )));
        }
    }
    if kind != "Number" {
        return Ok(());
    }
    let number: f64 = value
        .parse()
        .map_err(|_| node.error(format_args!("{value:?} is not a number")))?;
    if let Some(least) = node.get("MinValue")?
        && number < least.parse()?
    {
        return Err(node.error(format_args!("{value} is less than {}", least.text()?)));
    }
    if let Some(most) = node.get("MaxValue")?
        && number > most.parse()?
    {
        return Err(node.error(format_args!("{value} is more than {}", most.text()?)));
    }
    Ok(())
}
