//! The tables of the template. Their names are their logical ids.

use super::{Error, Node, Resource};

/// A DynamoDB table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The logical id of the resource.
    pub name: String,
    /// The name and type (`S`, `N` or `B`) of each key attribute, partition key first.
    pub key: Vec<(String, String)>,
    /// The attribute with the expiry of an item, in seconds since the Unix epoch.
    pub ttl_attribute: Option<String>,
    /// The view type of the stream, such as `NEW_IMAGE`; `None` if the table has no stream.
    pub stream: Option<String>,
}

/// Reads every table, ordered by logical id.
pub(super) fn read(resources: &[Resource]) -> Result<Vec<Table>, Error> {
    let tables = resources
        .iter()
        .filter(|resource| resource.kind == "AWS::DynamoDB::Table");
    tables.map(table).collect()
}

fn table(resource: &Resource) -> Result<Table, Error> {
    let properties = resource.node.require("Properties")?;
    for index in [
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "ImportSourceSpecification",
    ] {
        if let Some(node) = properties.get(index)? {
            return Err(node.error("the development server does not support this property"));
        }
    }
    let stream = match properties.get("StreamSpecification")? {
        Some(stream) => Some(stream.require("StreamViewType")?.text()?),
        None => None,
    };
    Ok(Table {
        name: resource.name.clone(),
        key: key(&properties)?,
        ttl_attribute: ttl_attribute(&properties)?,
        stream,
    })
}

fn key(properties: &Node) -> Result<Vec<(String, String)>, Error> {
    let definitions = properties.require("AttributeDefinitions")?;
    let mut types = Vec::new();
    for definition in definitions.items()? {
        types.push((
            definition.require("AttributeName")?.text()?,
            definition.require("AttributeType")?,
        ));
    }
    let mut key = Vec::new();
    for element in properties.require("KeySchema")?.items()? {
        let expected = if key.is_empty() { "HASH" } else { "RANGE" };
        let role = element.require("KeyType")?;
        if role.text()? != expected {
            return Err(role.error(format_args!("must be {expected}")));
        }
        let name = element.require("AttributeName")?.text()?;
        let (_, kind) = types
            .iter()
            .find(|(defined, _)| *defined == name)
            .ok_or_else(|| {
                element.error(format_args!("{name} is not among AttributeDefinitions"))
            })?;
        if !["S", "N", "B"].contains(&kind.text()?.as_str()) {
            return Err(kind.error("must be S, N or B"));
        }
        key.push((name, kind.text()?));
    }
    Ok(key)
}

fn ttl_attribute(properties: &Node) -> Result<Option<String>, Error> {
    let Some(ttl) = properties.get("TimeToLiveSpecification")? else {
        return Ok(None);
    };
    let is_enabled: bool = ttl.require("Enabled")?.parse()?;
    is_enabled
        .then(|| ttl.require("AttributeName")?.text())
        .transpose()
}
