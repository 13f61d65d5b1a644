//! Detects attempts of a write that got no response and so may have been applied.

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

/// Observes every attempt that the SDK makes. The SDK itself reports only the last one.
#[derive(Clone, Debug, Default)]
pub(super) struct UnansweredAttempts(Arc<AtomicBool>);

impl UnansweredAttempts {
    /// Returns true if an attempt got no response, or a server error.
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
        let response = context.response();
        if response.is_none_or(|response| response.status().is_server_error()) {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
