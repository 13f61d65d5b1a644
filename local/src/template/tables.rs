//! Tables of the template. Their local name is their logical id.

use super::{Error, Node, Resource};

/// A DynamoDB table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Logical id of the resource.
    pub name: String,
    /// Name and type (`S`, `N`, `B`) of the attributes that make the key, partition key first.
    pub key: Vec<(String, String)>,
    /// The attribute that holds an item's expiry, in seconds since the Unix epoch.
    pub ttl_attribute: Option<String>,
    /// What the stream shows of a change, such as `NEW_IMAGE`; `None`: there is no stream.
    pub stream: Option<String>,
}

/// Every table, in the order of their logical ids.
pub(super) fn read(resources: &[Resource]) -> Result<Vec<Table>, Error> {
    let tables = resources
        .iter()
        .filter(|resource| resource.kind == "AWS::DynamoDB::Table");
    tables.map(table).collect()
}

fn table(resource: &Resource) -> Result<Table, Error> {
    let properties = resource.node.need("Properties")?;
    for index in [
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "ImportSourceSpecification",
    ] {
        if let Some(node) = properties.get(index)? {
            return Err(node.error("is not known to the local server"));
        }
    }
    let stream = match properties.get("StreamSpecification")? {
        Some(stream) => Some(stream.need("StreamViewType")?.text()?),
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
    let definitions = properties.need("AttributeDefinitions")?;
    let mut types = Vec::new();
    for definition in definitions.items()? {
        types.push((
            definition.need("AttributeName")?.text()?,
            definition.need("AttributeType")?,
        ));
    }
    let mut key = Vec::new();
    for element in properties.need("KeySchema")?.items()? {
        let expected = if key.is_empty() { "HASH" } else { "RANGE" };
        let role = element.need("KeyType")?;
        if role.text()? != expected {
            return Err(role.error(format_args!("must be {expected}")));
        }
        let name = element.need("AttributeName")?.text()?;
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
    let is_on: bool = ttl.need("Enabled")?.parse()?;
    is_on.then(|| ttl.need("AttributeName")?.text()).transpose()
}
