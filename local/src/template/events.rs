//! The events of functions: routes of the HTTP API, streams of tables, and schedules.

use std::time::Duration;

use super::{Error, Function, Node};

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method in upper case, or `ANY`.
    pub method: String,
    /// The path, with `{name}` for a path parameter.
    pub path: String,
}

impl Route {
    /// The route key of API Gateway, such as `GET /api/users/{id}`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An event source mapping: the stream of a table invokes a function.
#[derive(Clone, Debug)]
pub struct EventSourceMapping {
    /// The name of the event.
    pub name: String,
    /// The name of the table.
    pub table: String,
    /// The largest number of records in a batch.
    pub batch_size: usize,
    /// The event patterns (JSON) that select records. If there are none, every record is delivered.
    pub patterns: Vec<String>,
    /// True if the function reports which records failed (`ReportBatchItemFailures`).
    pub reports_failures: bool,
}

/// A schedule that invokes a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleEvent {
    /// The time between two invocations.
    pub interval: Duration,
    /// The event of each invocation (JSON).
    pub input: String,
}

/// Lambda's default batch size for streams.
const DEFAULT_BATCH_SIZE: usize = 100;

/// The methods of API Gateway.
const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY",
];
/// The supported properties of a route. The last two have no effect here.
const ROUTE_PROPERTIES: [&str; 5] = [
    "ApiId",
    "Path",
    "Method",
    "PayloadFormatVersion",
    "TimeoutInMillis",
];
/// The supported properties of a mapping. The last four, which concern failed batches, have no effect here: a failed
/// batch is logged and retried without a limit.
const MAPPING_PROPERTIES: [&str; 9] = [
    "Stream",
    "StartingPosition",
    "BatchSize",
    "FilterCriteria",
    "FunctionResponseTypes",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "DestinationConfig",
];

/// The supported properties of a schedule. The last one has no effect here.
const SCHEDULE_PROPERTIES: [&str; 3] = ["Schedule", "Input", "Description"];

/// Adds the route, the stream or the schedule of the event `name` to `function`.
pub(super) fn read(name: &str, event: &Node, function: &mut Function) -> Result<(), Error> {
    let kind = event.require("Type")?;
    let properties = event.require("Properties")?;
    match kind.text()?.as_str() {
        "HttpApi" => function.routes.push(route(&properties)?),
        "DynamoDB" => function.mappings.push(mapping(name, &properties)?),
        "Schedule" => function.schedules.push(schedule(&properties)?),
        other => {
            return Err(kind.error(format_args!(
                "the development server does not support events of type {other}"
            )));
        }
    }
    Ok(())
}

fn route(properties: &Node) -> Result<Route, Error> {
    properties.reject_other_keys(&ROUTE_PROPERTIES)?;
    if let Some(version) = properties.get("PayloadFormatVersion")?
        && version.text()? != "2.0"
    {
        return Err(version.error("the development server supports only format 2.0"));
    }
    let (path, method) = (properties.require("Path")?, properties.require("Method")?);
    let route = Route {
        method: method.text()?.to_ascii_uppercase(),
        path: path.text()?,
    };
    if !METHODS.contains(&route.method.as_str()) {
        return Err(method.error(format_args!("{:?} is not a method", route.method)));
    }
    let segments = route
        .path
        .strip_prefix('/')
        .ok_or_else(|| path.error("must start with /"))?;
    match segments.split('/').find(|segment| !is_supported(segment)) {
        Some(segment) if !segments.is_empty() => Err(path.error(format_args!(
            "the development server does not support the segment {segment:?}"
        ))),
        _ => Ok(route),
    }
}

/// Returns true for a literal segment and for `{name}`, but not for the greedy `{name+}`.
fn is_supported(segment: &str) -> bool {
    let braced = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let name = braced.unwrap_or(segment);
    !name.is_empty() && !name.contains(['{', '}', '+', '*'])
}

fn schedule(properties: &Node) -> Result<ScheduleEvent, Error> {
    properties.reject_other_keys(&SCHEDULE_PROPERTIES)?;
    let rate = properties.require("Schedule")?;
    let text = rate.text()?;
    let minutes = text
        .strip_prefix("rate(")
        .and_then(|rest| rest.strip_suffix(" minutes)"))
        .and_then(|minutes| minutes.parse().ok());
    let minutes = minutes
        .ok_or_else(|| rate.error("the development server supports only rate(N minutes)"))?;
    Ok(ScheduleEvent {
        interval: Duration::from_mins(minutes),
        input: properties.require("Input")?.text()?,
    })
}

fn mapping(name: &str, properties: &Node) -> Result<EventSourceMapping, Error> {
    properties.reject_other_keys(&MAPPING_PROPERTIES)?;
    let position = properties.require("StartingPosition")?;
    if position.text()? != "TRIM_HORIZON" {
        return Err(position.error("the development server supports only TRIM_HORIZON"));
    }
    let mut patterns = Vec::new();
    if let Some(filters) = properties.get_path(&["FilterCriteria", "Filters"])? {
        for filter in filters.items()? {
            patterns.push(filter.require("Pattern")?.text()?);
        }
    }
    let batch_size = match properties.get("BatchSize")? {
        Some(size) => size.parse()?,
        None => DEFAULT_BATCH_SIZE,
    };
    let response_types = match properties.get("FunctionResponseTypes")? {
        Some(types) => types.texts()?,
        None => Vec::new(),
    };
    Ok(EventSourceMapping {
        name: name.to_owned(),
        table: table(&properties.require("Stream")?)?,
        batch_size: batch_size.max(1),
        patterns,
        reports_failures: response_types
            .iter()
            .any(|kind| kind == "ReportBatchItemFailures"),
    })
}

/// The name of the table of a stream.
fn table(stream: &Node) -> Result<String, Error> {
    let arn = stream.text()?;
    let name = arn
        .split_once(":table/")
        .and_then(|(_, rest)| rest.strip_suffix("/stream/local"));
    let name =
        name.ok_or_else(|| stream.error("must be the StreamArn of a table of this template"))?;
    Ok(name.to_owned())
}
