//! What CloudWatch gets: JSON lines, and metrics embedded in them (CloudWatch, "Embedded metric format").

use std::io;

use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::RunError;
use crate::domain::settings::Settings;

/// Collects a process's metrics and writes them after each call.
pub(super) struct Telemetry {
    metrics: &'static Collector,
}

impl Telemetry {
    /// Starts logging and collecting. Outcomes have no dimension, so that an alarm can watch one over all functions;
    /// durations and cold starts have the function's name.
    ///
    /// # Errors
    /// If something else collects already.
    pub(super) fn start(settings: &Settings, function: &str) -> Result<Self, RunError> {
        log(settings.log_level);
        let metrics = Builder::new()
            .cloudwatch_namespace(settings.metrics_namespace.clone())
            .init()?;
        metrics::counter!("cold_start", "function" => function.to_owned()).increment(1);
        Ok(Self { metrics })
    }

    /// Writes what was counted since the last time.
    pub(super) fn flush(&self) {
        if let Err(error) = self.metrics.flush(io::stdout().lock()) {
            tracing::warn!(%error, "could not write metrics");
        }
    }
}

/// Our own crates down to `level`, libraries from a warning upwards, since at finer levels they would show what they
/// send.
fn log(level: tracing::Level) {
    let ours = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("shared", level)
        .with_target("send_mail", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_span_list(false)
        .without_time();
    tracing_subscriber::registry().with(lines).with(ours).init();
}
