//! Functions of the template, and the CORS rules of the API in front of them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Error, Node, Resource,
    events::{self, Mapping, Route},
};

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Logical id of the resource.
    pub name: String,
    /// Its binary, which is also its folder and its crate.
    pub binary: String,
    /// What it finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub time_out: Duration,
    /// The routes that lead to it.
    pub routes: Vec<Route>,
    /// The streams that lead to it.
    pub mappings: Vec<Mapping>,
}

/// Which pages may call the API from a browser.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Origins of those pages, or `*`.
    pub origins: Vec<String>,
    /// Methods that they may use.
    pub methods: Vec<String>,
    /// Headers that they may send.
    pub headers: Vec<String>,
    /// Headers of answers that they may read.
    pub exposed_headers: Vec<String>,
    /// Seconds for which a browser may remember the answer.
    pub max_age: Option<u32>,
}

/// Lambda's time-out where none is stated, in seconds.
const DEFAULT_TIME_OUT: u64 = 3;
/// Every function, in the order of their logical ids.
pub(super) fn read(resources: &[Resource], globals: Option<&Node>) -> Result<Vec<Function>, Error> {
    let functions = resources
        .iter()
        .filter(|resource| resource.kind == "AWS::Serverless::Function");
    functions
        .map(|resource| function(resource, globals))
        .collect()
}

fn function(resource: &Resource, globals: Option<&Node>) -> Result<Function, Error> {
    let node = &resource.node;
    let binary = node
        .find(&["Metadata", "BuildProperties", "Binary"])?
        .ok_or_else(|| node.error("Metadata.BuildProperties.Binary is missing"))?
        .text()?;
    let properties = node.need("Properties")?;
    let places: Vec<&Node> = globals.into_iter().chain([&properties]).collect();
    let mut environment = BTreeMap::new();
    let mut time_out = DEFAULT_TIME_OUT;
    for place in places {
        if let Some(variables) = place.find(&["Environment", "Variables"])? {
            for name in variables.keys()? {
                environment.insert(name.clone(), variables.need(&name)?.text()?);
            }
        }
        if let Some(seconds) = place.get("Timeout")? {
            time_out = seconds.parse()?;
        }
    }
    let mut function = Function {
        name: resource.name.clone(),
        binary,
        environment,
        time_out: Duration::from_secs(time_out),
        routes: Vec::new(),
        mappings: Vec::new(),
    };
    if let Some(list) = properties.get("Events")? {
        for name in list.keys()? {
            events::read(&list.need(&name)?, &mut function)?;
        }
    }
    Ok(function)
}

/// The CORS rules of the HTTP API.
pub(super) fn cors(resources: &[Resource]) -> Result<Option<Cors>, Error> {
    let Some(api) = resources
        .iter()
        .find(|resource| resource.kind == "AWS::Serverless::HttpApi")
    else {
        return Ok(None);
    };
    let Some(rules) = api.node.find(&["Properties", "CorsConfiguration"])? else {
        return Ok(None);
    };
    rules.refuse_others(&[
        "AllowOrigins",
        "AllowMethods",
        "AllowHeaders",
        "ExposeHeaders",
        "MaxAge",
    ])?;
    let texts = |key| {
        Ok(rules
            .get(key)?
            .map(|list| list.texts())
            .transpose()?
            .unwrap_or_default())
    };
    Ok(Some(Cors {
        origins: texts("AllowOrigins")?,
        methods: texts("AllowMethods")?,
        headers: texts("AllowHeaders")?,
        exposed_headers: texts("ExposeHeaders")?,
        max_age: rules
            .get("MaxAge")?
            .map(|seconds| seconds.parse())
            .transpose()?,
    }))
}
