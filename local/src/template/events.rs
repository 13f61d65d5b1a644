//! What leads to a function: routes of the HTTP API, and streams of tables.

use super::{Error, Function, Node};

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// In upper case; `ANY` for every method.
    pub method: String,
    /// As the template writes it, with `{name}` for a segment that varies.
    pub path: String,
}

impl Route {
    /// The route as API Gateway calls it: `GET /api/users/{id}`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An event source mapping: the stream of a table rings a function.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Local name of the table.
    pub table: String,
    /// Records that are delivered at a time, at most.
    pub batch_size: usize,
    /// Event patterns, as JSON; a record that matches one of them is delivered. Empty: every record is.
    pub patterns: Vec<String>,
    /// Whether the answer tells which records failed; otherwise it is the whole batch or nothing.
    pub reports_failures: bool,
}

/// Lambda's batch size for streams where none is stated.
const DEFAULT_BATCH_SIZE: usize = 100;

/// Methods that API Gateway knows.
const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY",
];
/// What a route may state here; the last two are of no account locally.
const OF_ROUTES: [&str; 5] = [
    "ApiId",
    "Path",
    "Method",
    "PayloadFormatVersion",
    "TimeoutInMillis",
];
/// What a mapping may state here. The last four bound or report failures in the cloud; locally the log reports them,
/// and tries are endless.
const OF_MAPPINGS: [&str; 9] = [
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

/// Adds what `event` leads from to `function`.
pub(super) fn read(event: &Node, function: &mut Function) -> Result<(), Error> {
    let kind = event.need("Type")?;
    let properties = event.need("Properties")?;
    match kind.text()?.as_str() {
        "HttpApi" => function.routes.push(route(&properties)?),
        "DynamoDB" => function.mappings.push(mapping(&properties)?),
        other => {
            return Err(kind.error(format_args!(
                "events of type {other} are not known to the local server"
            )));
        }
    }
    Ok(())
}

fn route(properties: &Node) -> Result<Route, Error> {
    properties.refuse_others(&OF_ROUTES)?;
    if let Some(version) = properties.get("PayloadFormatVersion")?
        && version.text()? != "2.0"
    {
        return Err(version.error("the local server knows format 2.0 only"));
    }
    let (path, method) = (properties.need("Path")?, properties.need("Method")?);
    let route = Route {
        method: method.text()?.to_ascii_uppercase(),
        path: path.text()?,
    };
    if !METHODS.contains(&route.method.as_str()) {
        return Err(method.error(format_args!("{:?} is no method", route.method)));
    }
    let segments = route
        .path
        .strip_prefix('/')
        .ok_or_else(|| path.error("must begin with /"))?;
    match segments.split('/').find(|segment| !is_known(segment)) {
        Some(segment) if !segments.is_empty() => Err(path.error(format_args!(
            "the segment {segment:?} is not known to the local server"
        ))),
        _ => Ok(route),
    }
}

/// Whether this is a segment as it stands, or one `{name}`; greedy `{name+}` is not known.
fn is_known(segment: &str) -> bool {
    let braced = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let name = braced.unwrap_or(segment);
    !name.is_empty() && !name.contains(['{', '}', '+', '*'])
}

fn mapping(properties: &Node) -> Result<Mapping, Error> {
    properties.refuse_others(&OF_MAPPINGS)?;
    let position = properties.need("StartingPosition")?;
    if position.text()? != "TRIM_HORIZON" {
        return Err(position.error("the local server knows TRIM_HORIZON only"));
    }
    let mut patterns = Vec::new();
    if let Some(filters) = properties.find(&["FilterCriteria", "Filters"])? {
        for filter in filters.items()? {
            patterns.push(filter.need("Pattern")?.text()?);
        }
    }
    let batch_size = match properties.get("BatchSize")? {
        Some(size) => size.parse()?,
        None => DEFAULT_BATCH_SIZE,
    };
    let reported = match properties.get("FunctionResponseTypes")? {
        Some(types) => types.texts()?,
        None => Vec::new(),
    };
    Ok(Mapping {
        table: table(&properties.need("Stream")?)?,
        batch_size: batch_size.max(1),
        patterns,
        reports_failures: reported
            .iter()
            .any(|kind| kind == "ReportBatchItemFailures"),
    })
}

/// The table whose stream this is.
fn table(stream: &Node) -> Result<String, Error> {
    let arn = stream.text()?;
    let name = arn
        .split_once(":table/")
        .and_then(|(_, rest)| rest.strip_suffix("/stream/local"));
    let name =
        name.ok_or_else(|| stream.error("must be the StreamArn of a table of this template"))?;
    Ok(name.to_owned())
}
