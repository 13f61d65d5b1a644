//! Has the SDK try again when an answer is none of DynamoDB's: cut short, empty, or a page of something in between. The
//! SDK itself takes it for an error of the operation, although a write may have taken place.

use aws_sdk_dynamodb::config::{
    interceptors::InterceptorContext,
    retry::{ClassifyRetry, RetryAction},
};
use serde::de::IgnoredAny;

/// Knows answers that are no JSON.
#[derive(Debug)]
pub(super) struct Garbled;

impl ClassifyRetry for Garbled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let body = context
            .response()
            .and_then(|response| response.body().bytes());
        if body.is_some_and(|body| serde_json::from_slice::<IgnoredAny>(body).is_err()) {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "Answers that are no JSON"
    }
}
