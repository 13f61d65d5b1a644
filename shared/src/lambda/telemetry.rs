//! Logs as JSON lines, and metrics in CloudWatch's embedded metric format.

use std::{fmt, io};

use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing_subscriber::{
    filter::Targets,
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::RunError;
use crate::domain::{clock::Clock, settings::Settings};

/// Collects the metrics of the process; [`flush`](Self::flush) writes them after each invocation.
pub(super) struct Telemetry {
    metrics: &'static Collector,
}

impl Telemetry {
    /// Starts logging and the collection of metrics. Counters of [`Metric`](crate::audit::Metric) have no dimension, so
    /// that an alarm covers all functions; durations and cold starts have the function's name as a dimension.
    ///
    /// # Errors
    /// [`RunError`] if the process already has a collector.
    pub(super) fn start(
        settings: &Settings,
        clock: Clock,
        function: &str,
    ) -> Result<Self, RunError> {
        init_logging(settings.log_level, clock);
        let metrics = Builder::new()
            .cloudwatch_namespace(settings.metrics_namespace.clone())
            .init()?;
        if settings.detailed_metrics {
            metrics::counter!("cold_start", "function" => function.to_owned()).increment(1);
        }
        Ok(Self { metrics })
    }

    /// Writes the metrics collected since the last flush to standard output.
    pub(super) fn flush(&self) {
        if let Err(error) = self.metrics.flush(io::stdout().lock()) {
            tracing::warn!(%error, "could not write metrics");
        }
    }
}

/// Our own crates that write log lines.
const LOGGING_CRATES: [&str; 4] = ["authorize", "publish", "send_mail", "shared"];

/// Sets `level` for our own crates. Libraries log only warnings and errors, since at more verbose levels they log the
/// content of requests. Each line has a `timestamp` (RFC 3339) and a `level`, without which Lambda takes it for INFO
/// (Lambda, "Log-level filtering").
fn init_logging(level: tracing::Level, clock: Clock) {
    let levels = Targets::new()
        .with_default(tracing::Level::WARN)
        .with_targets(LOGGING_CRATES.map(|name| (name, level)));
    let json_lines = tracing_subscriber::fmt::layer()
        .json()
        .with_span_list(false)
        .with_timer(Timer(clock));
    tracing_subscriber::registry()
        .with(json_lines)
        .with(levels)
        .init();
}

/// Writes the timestamp of a log line.
struct Timer(Clock);

impl FormatTime for Timer {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", self.0.now())
    }
}
