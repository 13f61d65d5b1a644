//! Detects responses that did not come from DynamoDB: truncated, empty, or an HTML page from a proxy. The SDK takes an
//! empty one for a success and the others for errors of the operation, although a write may have been applied.

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        http::HttpResponse,
        interceptors::{AfterDeserializationInterceptorContextRef, InterceptorContext},
        retry::{ClassifyRetry, RetryAction},
    },
    error::BoxError,
};
use serde::de::IgnoredAny;

/// Makes the SDK retry after a response that is not JSON, and fail if every attempt gets one.
#[derive(Debug)]
pub(super) struct MalformedResponse;

impl ClassifyRetry for MalformedResponse {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.response().is_some_and(is_malformed) {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

impl Intercept for MalformedResponse {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_malformed(context.response()) {
            Err("the response is not JSON".into())
        } else {
            Ok(())
        }
    }
}

const NAME: &str = "MalformedResponse";

fn is_malformed(response: &HttpResponse) -> bool {
    let body = response.body().bytes();
    body.is_some_and(|body| serde_json::from_slice::<IgnoredAny>(body).is_err())
}
