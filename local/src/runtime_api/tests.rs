//! The Runtime API as a process sees it.

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
        request.send().await.expect("an answer").status().as_u16()
    }

    /// What comes of an event with this request id, sooner or later.
    fn call(&self, id: &str) -> tokio::task::JoinHandle<Result<Box<RawValue>, Failure>> {
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
async fn an_event_is_handed_over_with_its_headers_and_answered() {
    let process = Process::start().await;
    let answer = process.call("one");
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
    let answer = answer.await.expect("no panic").expect("an answer");
    assert_eq!(answer.get(), r#"{"a":1}"#);
}

#[tokio::test]
async fn a_failure_reaches_the_caller_in_the_process_own_words() {
    let process = Process::start().await;
    let answer = process.call("one");
    process.next().await;
    let failure = r#"{"errorType":"Panic","errorMessage":"on purpose","stackTrace":[]}"#;
    assert_eq!(process.post("invocation/one/error", failure).await, 202);
    let failure = answer.await.expect("no panic").expect_err("a failure");
    assert_eq!(failure.to_string(), "Panic: on purpose");
}

#[tokio::test]
async fn an_answer_that_is_no_json_or_too_long_is_a_failure() {
    let process = Process::start().await;
    for body in [
        "no JSON".to_owned(),
        format!("\"{}\"", "x".repeat(MAX_ANSWER)),
    ] {
        let answer = process.call("one");
        process.next().await;
        assert_eq!(process.post("invocation/one/response", body).await, 202);
        answer.await.expect("no panic").expect_err("a failure");
    }
}

#[tokio::test]
async fn nobody_answers_twice_or_what_was_not_asked() {
    let process = Process::start().await;
    let answer = process.call("one");
    process.next().await;
    assert_eq!(process.post("invocation/other/response", "1").await, 400);
    assert_eq!(process.post("invocation/one/response", "1").await, 202);
    assert_eq!(process.post("invocation/one/response", "2").await, 400);
    assert_eq!(process.post("invocation/one", "2").await, 404);
    let answer = answer.await.expect("no panic").expect("an answer");
    assert_eq!(answer.get(), "1");
}

#[tokio::test]
async fn an_event_that_nobody_waits_for_any_more_is_not_handed_over() {
    let process = Process::start().await;
    let given_up = process.call("one");
    tokio::task::yield_now().await;
    given_up.abort();
    given_up.await.expect_err("no answer");
    let answer = process.call("two");
    let event = process.next().await;
    assert_eq!(header(&event, "lambda-runtime-aws-request-id"), Some("two"));
    process.post("invocation/two/response", "null").await;
    answer.await.expect("no panic").expect("an answer");
}

#[tokio::test]
async fn a_process_that_cannot_start_says_why() {
    let process = Process::start().await;
    let why = r#"{"errorType":"Start","errorMessage":"no table"}"#;
    assert_eq!(process.post("init/error", why).await, 202);
    let failure = process.api.ready().await.expect_err("a failure");
    assert_eq!(failure, Failure::new("Start", "no table"));
}

#[tokio::test]
async fn nobody_waits_for_a_process_that_has_ended() {
    let process = Process::start().await;
    let (before, during) = (process.call("one"), process.call("two"));
    process.next().await;
    process.api.ended("exit status: 1");
    for call in [before, during, process.call("three")] {
        let failure = call.await.expect("no panic").expect_err("a failure");
        assert_eq!(failure.to_string(), "Runtime.ExitError: exit status: 1");
    }
}
