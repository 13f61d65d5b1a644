//! What Lambda gives to a process, and what a function returns.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use crate::{backend::Backend, process::Program, setup::Paths};

/// A release binary with the environment of its function, the variables that Lambda adds, and `backend` as every service.
pub fn program(
    paths: &Paths,
    function: &str,
    mut environment: BTreeMap<String, String>,
    backend: &Backend,
) -> Program {
    environment.extend(self::environment(function, backend));
    let binary = paths.binaries.join(function);
    Program {
        command: vec![binary.to_string_lossy().into_owned()],
        folder: paths.root.clone(),
        environment,
    }
}

/// The variables that Lambda sets, and the endpoints.
pub fn environment(function: &str, backend: &Backend) -> BTreeMap<String, String> {
    let url = backend.url();
    let variables = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE"),
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &url),
        ("AWS_ENDPOINT_URL_SESV2", &url),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &url),
        ("AWS_ENDPOINT_URL_SCHEDULER", &url),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// True if a function's return value means success: of an endpoint, an authorizer or a consumer.
pub fn is_success(response: &RawValue) -> bool {
    let response: Value = serde_json::from_str(response.get()).unwrap_or_default();
    if let Some(status) = response["statusCode"].as_u64() {
        return status < 400;
    }
    if let Some(failures) = response["batchItemFailures"].as_array() {
        return failures.is_empty();
    }
    // `publish` returns nothing, and an error instead of a failure.
    response.is_null() || response["isAuthorized"].as_bool().unwrap_or_default()
}
