//! Retries of mails that could not be sent: a schedule of EventBridge for each such mail, which invokes this function
//! again and again until the mail is settled. While there is none, nothing polls and nothing costs.

use std::time::Duration;

use aws_sdk_scheduler::{
    Client,
    config::{Builder, http::HttpResponse, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::{ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target},
};
use serde_json::json;
use shared::{
    app::App,
    domain::{clock::Timestamp, digest::sha256_hex, mail::RETRY_PERIOD},
};

use crate::event::MailRef;

/// The time until the first retry.
const FIRST_DELAY: Duration = Duration::from_mins(1);

/// The time between two retries.
const INTERVAL: &str = "rate(5 minutes)";

/// The time after [`RETRY_PERIOD`] for which a schedule is kept, so that its last retry gives the mail up.
const MARGIN: Duration = Duration::from_hours(1);

/// The timeout of a request to EventBridge Scheduler, with its retries.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Schedules retries.
pub(crate) struct Retries {
    client: Client,
    group: String,
    role: String,
}

impl Retries {
    pub(crate) fn new(app: &App) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(TIMEOUT)
            .operation_timeout(TIMEOUT);
        let mut config = Builder::from(&app.aws).timeout_config(timeouts.build());
        config.set_endpoint_url(app.settings.scheduler_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            group: app.settings.mail.retry_group.clone(),
            role: app.settings.mail.retry_role.clone(),
        }
    }

    /// Schedules retries of `mail` by the function with this ARN, unless they are scheduled already.
    pub(crate) async fn schedule(
        &self,
        mail: &MailRef,
        function_arn: &str,
        now: Timestamp,
    ) -> Result<(), String> {
        let event = json!({ "retry": mail }).to_string();
        let target = Target::builder()
            .arn(function_arn)
            .role_arn(&self.role)
            .input(event)
            .build();
        let exactly = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
        let request = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(name(mail))
            .schedule_expression(INTERVAL)
            .start_date(date(now + FIRST_DELAY))
            .end_date(date(now + RETRY_PERIOD + MARGIN))
            .flexible_time_window(exactly.build().map_err(|error| error.to_string())?)
            .target(target.map_err(|error| error.to_string())?)
            .action_after_completion(ActionAfterCompletion::Delete);
        match request.send().await {
            Err(error) if has_code(&error, "ConflictException") => Ok(()),
            result => result.map(drop).map_err(|error| described(&error)),
        }
    }

    /// Ends the retries of `mail`. If that fails, they end by themselves and have no effect until then.
    pub(crate) async fn end(&self, mail: &MailRef) {
        let request = self
            .client
            .delete_schedule()
            .group_name(&self.group)
            .name(name(mail));
        match request.send().await {
            Err(error) if !has_code(&error, "ResourceNotFoundException") => {
                let problem = described(&error);
                tracing::warn!(problem, "could not delete the schedule of a settled mail");
            }
            _ => {}
        }
    }
}

/// The name of the schedule of this mail: 64 characters, which is the maximum.
fn name(mail: &MailRef) -> String {
    sha256_hex(format!("{}#{}", mail.key.as_str(), mail.nonce).as_bytes())
}

fn date(time: Timestamp) -> DateTime {
    DateTime::from_secs(i64::try_from(time.unix()).unwrap_or(i64::MAX))
}

fn has_code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, code: &str) -> bool {
    error.code() == Some(code)
}

fn described<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    DisplayErrorContext(error).to_string()
}
