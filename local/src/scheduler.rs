//! EventBridge Scheduler: the two operations of its API that the project uses, for the real SDK to call. Invokes the
//! targets of the schedules when they are due.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header::HeaderValue};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{json, value::RawValue};
use shared::domain::clock::{Clock, Timestamp};

use crate::{
    http_server::{Response, json_response},
    lambda::Functions,
    template::{ACCOUNT, REGION},
};

/// The beginning of every path.
const PATH: &str = "/schedules/";
/// The largest request in bytes. The input of a schedule has at most 256 KB.
const MAX_REQUEST: usize = 300 * 1024;
/// The longest name of a schedule.
const MAX_NAME: usize = 64;

/// All schedules. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Schedules {
    clock: Clock,
    /// The file of the schedules, if the data are kept in a file as well.
    file: Option<PathBuf>,
    by_name: Arc<Mutex<BTreeMap<String, Schedule>>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Schedule {
    function: String,
    input: String,
    next: Timestamp,
    interval: u64,
    ends_at: Timestamp,
}

/// An error response of the API.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateSchedule {
    group_name: String,
    schedule_expression: String,
    start_date: f64,
    end_date: f64,
    flexible_time_window: FlexibleTimeWindow,
    target: Target,
    action_after_completion: String,
    #[serde(default, rename = "ClientToken")]
    _client_token: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FlexibleTimeWindow {
    mode: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Target {
    arn: String,
    role_arn: String,
    input: String,
}

/// Returns true if `path` is one of this API.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(PATH)
}

/// Handles one request of an SDK.
pub(crate) async fn handle(schedules: Schedules, request: Request<Full<Bytes>>) -> Response {
    match schedules.respond(request).await {
        Ok(body) => json_response(StatusCode::OK, body),
        Err(ApiError {
            status,
            error_type,
            message,
        }) => {
            let mut response = json_response(status, json!({ "Message": message }).to_string());
            response
                .headers_mut()
                .insert("x-amzn-errortype", HeaderValue::from_static(error_type));
            response
        }
    }
}

impl Schedules {
    /// The schedules beside the data file `data`, if there is one.
    pub(crate) fn open(clock: Clock, data: Option<&Path>) -> io::Result<Self> {
        let file = data.map(|data| {
            let mut name = OsString::from(data);
            name.push("-schedules");
            PathBuf::from(name)
        });
        let by_name = match &file {
            Some(file) if file.exists() => serde_json::from_str(&fs::read_to_string(file)?)?,
            _ => BTreeMap::new(),
        };
        Ok(Self {
            clock,
            file,
            by_name: Arc::new(Mutex::new(by_name)),
        })
    }

    async fn respond(&self, request: Request<Full<Bytes>>) -> Result<String, ApiError> {
        let (head, body) = request.into_parts();
        let name = head.uri.path().strip_prefix(PATH).unwrap_or_default();
        let query = head.uri.query().unwrap_or_default();
        check_name(name)?;
        if head.method == Method::DELETE {
            let group = query
                .split('&')
                .find_map(|parameter| parameter.strip_prefix("groupName="));
            return self.delete(group.unwrap_or_default(), name);
        }
        if head.method != Method::POST {
            let problem = format!("the development server does not support {}", head.method);
            return Err(invalid(problem));
        }
        let body = Limited::new(body, MAX_REQUEST)
            .collect()
            .await
            .map_err(|error| invalid(error.to_string()))?;
        let request = serde_json::from_slice(&body.to_bytes())
            .map_err(|error| invalid(format!("invalid request: {error}")))?;
        self.create(name, &request)
    }

    fn create(&self, name: &str, request: &CreateSchedule) -> Result<String, ApiError> {
        let group = &request.group_name;
        check_name(group)?;
        let key = key(group, name);
        let schedule = Schedule::new(request)?;
        let mut by_name = self.lock();
        if by_name.contains_key(&key) {
            return Err(ApiError {
                status: StatusCode::CONFLICT,
                error_type: "ConflictException",
                message: format!("Schedule {name} already exists."),
            });
        }
        by_name.insert(key.clone(), schedule);
        self.save(&by_name);
        let arn = format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{key}");
        Ok(json!({ "ScheduleArn": arn }).to_string())
    }

    fn delete(&self, group: &str, name: &str) -> Result<String, ApiError> {
        let mut by_name = self.lock();
        if by_name.remove(&key(group, name)).is_none() {
            return Err(ApiError {
                status: StatusCode::NOT_FOUND,
                error_type: "ResourceNotFoundException",
                message: format!("Schedule {name} does not exist."),
            });
        }
        self.save(&by_name);
        Ok("{}".to_owned())
    }

    /// Invokes the targets of all schedules that are due; if `all` is true, of the others as well.
    pub(crate) async fn invoke_targets(&self, functions: &Functions, all: bool) {
        for Schedule {
            function, input, ..
        } in self.take_due(all)
        {
            let event = RawValue::from_string(input);
            // As for every asynchronous invocation, the response is of no interest.
            functions.invoke(&function, |_| event).await;
        }
    }

    /// Advances the schedules that are due, removes those that have ended, and returns those to invoke.
    fn take_due(&self, all: bool) -> Vec<Schedule> {
        let now = self.clock.now();
        let mut by_name = self.lock();
        let mut due = Vec::new();
        by_name.retain(|_, schedule| {
            if schedule.ends_at < now {
                return false;
            }
            let is_due = schedule.next <= now;
            if is_due || all {
                due.push(schedule.clone());
            }
            if is_due {
                let missed = now.seconds_since(schedule.next) / schedule.interval;
                let until_next = (missed + 1) * schedule.interval;
                schedule.next = schedule.next + std::time::Duration::from_secs(until_next);
            }
            true
        });
        if !due.is_empty() {
            self.save(&by_name);
        }
        // In the order of their first invocations, as they would be invoked at different times.
        due.sort_by_key(|schedule| schedule.ends_at);
        due
    }

    /// Saves the schedules. If that fails, those of this run are forgotten at a restart.
    fn save(&self, by_name: &BTreeMap<String, Schedule>) {
        let Some(file) = &self.file else { return };
        let saved = serde_json::to_string(by_name)
            .map_err(io::Error::other)
            .and_then(|json| fs::write(file, json));
        if let Err(error) = saved {
            tracing::warn!(%error, file = %file.display(), "could not save the schedules");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Schedule>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule {
    fn new(request: &CreateSchedule) -> Result<Self, ApiError> {
        let CreateSchedule { target, .. } = request;
        if request.flexible_time_window.mode != "OFF" || request.action_after_completion != "DELETE"
        {
            let problem = "the development server supports only FlexibleTimeWindow OFF and ActionAfterCompletion DELETE";
            return Err(invalid(problem));
        }
        if !target.role_arn.starts_with("arn:aws:iam::") {
            return Err(invalid("Target.RoleArn is not the ARN of a role"));
        }
        let function = target
            .arn
            .strip_prefix(&format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:"))
            .and_then(|rest| rest.split(':').next())
            .ok_or_else(|| invalid("Target.Arn is not the ARN of a function"))?;
        let minutes: u64 = request
            .schedule_expression
            .strip_prefix("rate(")
            .and_then(|rest| rest.strip_suffix(" minutes)")?.parse().ok())
            .filter(|minutes| *minutes > 1)
            .ok_or_else(|| invalid("the development server supports only rate(… minutes)"))?;
        Ok(Self {
            function: function.to_owned(),
            input: target.input.clone(),
            next: timestamp(request.start_date)?,
            interval: minutes * 60,
            ends_at: timestamp(request.end_date)?,
        })
    }
}

fn timestamp(seconds: f64) -> Result<Timestamp, ApiError> {
    // No date in whole seconds has a fraction or an exponent.
    let whole: Option<u64> = format!("{seconds}").parse().ok();
    whole
        .map(Timestamp::from_unix)
        .ok_or_else(|| invalid("dates must be whole seconds"))
}

fn key(group: &str, name: &str) -> String {
    format!("{group}/{name}")
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_valid) {
        return Err(invalid("the name of a schedule or of a group is invalid"));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError {
        status: StatusCode::BAD_REQUEST,
        error_type: "ValidationException",
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
