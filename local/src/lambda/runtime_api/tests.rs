//! The Runtime API from the side of the process.

use reqwest::Response;
use serde_json::{Value, value::to_raw_value};

use super::*;

struct Process {
    api: Arc<RuntimeApi>,
    client: reqwest::Client,
}

impl Process {
    async fn start() -> Self {
        Self {
            api: Arc::new(RuntimeApi::start().await.expect("a Runtime API")),
            client: reqwest::Client::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/2018-06-01/runtime/{path}", self.api.address())
    }

    async fn next(&self) -> Response {
        let request = self.client.get(self.url("invocation/next"));
        request.send().await.expect("an event")
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> u16 {
        let request = self.client.post(self.url(path)).body(body);
        request.send().await.expect("a response").status().as_u16()
    }

    /// Invokes the process in the background, with an event of this request id.
    fn invoke(&self, id: &str) -> tokio::task::JoinHandle<Result<Box<RawValue>, FunctionError>> {
        let mut context = Context::default();
        id.clone_into(&mut context.request_id);
        context.deadline = 1_769_860_815_000;
        "arn:aws:lambda:eu-central-1:123456789012:function:echo"
            .clone_into(&mut context.invoked_function_arn);
        let api = Arc::clone(&self.api);
        let event = to_raw_value(&json!({ "id": id })).expect("JSON");
        tokio::spawn(async move { api.invoke(event, context).await })
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

#[tokio::test]
async fn an_event_has_the_documented_headers() {
    let process = Process::start().await;
    let response = process.invoke("one");
    let event = process.next().await;
    process.api.ready().await.expect("ready");
    assert_eq!(header(&event, "lambda-runtime-aws-request-id"), Some("one"));
    assert_eq!(
        header(&event, "lambda-runtime-deadline-ms"),
        Some("1769860815000")
    );
    assert_eq!(
        header(&event, "lambda-runtime-invoked-function-arn"),
        Some("arn:aws:lambda:eu-central-1:123456789012:function:echo")
    );
    assert_eq!(header(&event, "lambda-runtime-trace-id"), None);
    assert_eq!(
        event.json::<Value>().await.expect("JSON"),
        json!({ "id": "one" })
    );
    assert_eq!(
        process.post("invocation/one/response", r#"{"a":1}"#).await,
        202
    );
    let response = response.await.expect("no panic").expect("a response");
    assert_eq!(response.get(), r#"{"a":1}"#);
}

#[tokio::test]
async fn an_error_keeps_the_type_and_message_of_the_process() {
    let process = Process::start().await;
    let response = process.invoke("one");
    process.next().await;
    let error = r#"{"errorType":"Panic","errorMessage":"on purpose","stackTrace":[]}"#;
    assert_eq!(process.post("invocation/one/error", error).await, 202);
    let error = response.await.expect("no panic").expect_err("an error");
    assert_eq!(error.to_string(), "Panic: on purpose");
}

#[tokio::test]
async fn a_response_that_is_invalid_or_too_large_is_an_error() {
    let process = Process::start().await;
    for body in [
        "not JSON".to_owned(),
        format!("\"{}\"", "x".repeat(MAX_RESPONSE)),
    ] {
        let response = process.invoke("one");
        process.next().await;
        assert_eq!(process.post("invocation/one/response", body).await, 202);
        response.await.expect("no panic").expect_err("an error");
    }
}

#[tokio::test]
async fn an_invocation_is_completed_exactly_once() {
    let process = Process::start().await;
    let response = process.invoke("one");
    process.next().await;
    assert_eq!(process.post("invocation/other/response", "1").await, 400);
    assert_eq!(process.post("invocation/one/response", "1").await, 202);
    assert_eq!(process.post("invocation/one/response", "2").await, 400);
    assert_eq!(process.post("invocation/one", "2").await, 404);
    let response = response.await.expect("no panic").expect("a response");
    assert_eq!(response.get(), "1");
}

#[tokio::test]
async fn a_cancelled_event_is_skipped() {
    let process = Process::start().await;
    let cancelled = process.invoke("one");
    tokio::task::yield_now().await;
    cancelled.abort();
    cancelled.await.expect_err("no response");
    let response = process.invoke("two");
    let event = process.next().await;
    assert_eq!(header(&event, "lambda-runtime-aws-request-id"), Some("two"));
    process.post("invocation/two/response", "null").await;
    response.await.expect("no panic").expect("a response");
}

#[tokio::test]
async fn an_init_error_is_reported() {
    let process = Process::start().await;
    let error = r#"{"errorType":"Start","errorMessage":"no table"}"#;
    assert_eq!(process.post("init/error", error).await, 202);
    let error = process.api.ready().await.expect_err("an error");
    assert_eq!(error, FunctionError::new("Start", "no table"));
}

#[tokio::test]
async fn an_exit_fails_every_invocation() {
    let process = Process::start().await;
    let (before, during) = (process.invoke("one"), process.invoke("two"));
    process.next().await;
    process.api.ended("exit status: 1");
    for invocation in [before, during, process.invoke("three")] {
        let error = invocation.await.expect("no panic").expect_err("an error");
        assert_eq!(error.to_string(), "Runtime.ExitError: exit status: 1");
    }
}
