//! Whether some attempt at a write may have taken place although nobody was told.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef,
    },
    error::BoxError,
};

/// Watches the attempts of the SDK, which tells only how the last one went.
#[derive(Clone, Debug, Default)]
pub(super) struct UnansweredAttempts(Arc<AtomicBool>);

impl UnansweredAttempts {
    /// Whether there was an attempt without an answer, or with one that tells nothing.
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for UnansweredAttempts {
    fn name(&self) -> &'static str {
        "UnansweredAttempts"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        if answer.is_none_or(|answer| answer.status().is_server_error()) {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
