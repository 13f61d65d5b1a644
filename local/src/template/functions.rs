//! The functions of the template, and the CORS rules of the API.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Error, Node, Resource,
    events::{self, EventSourceMapping, Route, ScheduleEvent},
};

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The logical id of the resource.
    pub name: String,
    /// The name of its binary, which is also the name of its folder and its crate.
    pub binary: String,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// The longest duration of an invocation.
    pub timeout: Duration,
    /// The routes that invoke it.
    pub routes: Vec<Route>,
    /// The streams that invoke it.
    pub mappings: Vec<EventSourceMapping>,
    /// The schedules that invoke it.
    pub schedules: Vec<ScheduleEvent>,
}

/// The CORS rules of the API.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// The allowed origins, or `*`.
    pub origins: Vec<String>,
    /// True if the pages of this machine are allowed too, on any port. API Gateway has no such rule.
    pub allows_localhost: bool,
    /// The allowed methods.
    pub methods: Vec<String>,
    /// The allowed request headers.
    pub headers: Vec<String>,
    /// True if scripts may send and receive cookies.
    pub allows_credentials: bool,
    /// The response headers that scripts can read.
    pub exposed_headers: Vec<String>,
    /// The number of seconds for which browsers cache the response to a preflight request.
    pub max_age: Option<u32>,
}

/// Lambda's default timeout in seconds.
const DEFAULT_TIMEOUT: u64 = 3;

/// Reads every function, ordered by logical id.
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
        .get_path(&["Metadata", "BuildProperties", "Binary"])?
        .ok_or_else(|| node.error("Metadata.BuildProperties.Binary is missing"))?
        .text()?;
    let properties = node.require("Properties")?;
    let sections: Vec<&Node> = globals.into_iter().chain([&properties]).collect();
    let mut environment = BTreeMap::new();
    let mut timeout = DEFAULT_TIMEOUT;
    for section in sections {
        if let Some(variables) = section.get_path(&["Environment", "Variables"])? {
            for name in variables.keys()? {
                environment.insert(name.clone(), variables.require(&name)?.text()?);
            }
        }
        if let Some(seconds) = section.get("Timeout")? {
            timeout = seconds.parse()?;
        }
    }
    let mut function = Function {
        name: resource.name.clone(),
        binary,
        environment,
        timeout: Duration::from_secs(timeout),
        routes: Vec::new(),
        mappings: Vec::new(),
        schedules: Vec::new(),
    };
    if let Some(list) = properties.get("Events")? {
        for name in list.keys()? {
            events::read(&name, &list.require(&name)?, &mut function)?;
        }
    }
    Ok(function)
}

/// Reads the CORS rules of the HTTP API.
pub(super) fn cors(resources: &[Resource]) -> Result<Option<Cors>, Error> {
    let Some(api) = resources
        .iter()
        .find(|resource| resource.kind == "AWS::Serverless::HttpApi")
    else {
        return Ok(None);
    };
    let Some(rules) = api.node.get_path(&["Properties", "CorsConfiguration"])? else {
        return Ok(None);
    };
    rules.reject_other_keys(&[
        "AllowOrigins",
        "AllowCredentials",
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
        allows_localhost: false,
        methods: texts("AllowMethods")?,
        headers: texts("AllowHeaders")?,
        allows_credentials: rules
            .get("AllowCredentials")?
            .map(|allowed| allowed.parse())
            .transpose()?
            .unwrap_or_default(),
        exposed_headers: texts("ExposeHeaders")?,
        max_age: rules
            .get("MaxAge")?
            .map(|seconds| seconds.parse())
            .transpose()?,
    }))
}
