//! The schedules of the template: a function that is invoked again and again.

use serde_json::value::RawValue;
use shared::domain::clock::Timestamp;

use crate::{lambda::Functions, template::ScheduleEvent};

/// A schedule and the time of its next invocation.
pub(super) struct Timer {
    function: String,
    schedule: ScheduleEvent,
    next: Timestamp,
}

impl Timer {
    /// A timer that first invokes `function` after one interval.
    pub(super) fn new(function: &str, schedule: &ScheduleEvent, now: Timestamp) -> Self {
        Self {
            function: function.to_owned(),
            schedule: schedule.clone(),
            next: now + schedule.interval,
        }
    }

    /// Invokes the function if that is due, or if `invoke_now` is true.
    pub(super) async fn invoke_if_due(&mut self, functions: &Functions, invoke_now: bool) {
        let now = functions.now();
        if !invoke_now && now < self.next {
            return;
        }
        self.next = now + self.schedule.interval;
        let input = self.schedule.input.clone();
        // A failure is logged there; EventBridge would not look at the response either.
        let _ = functions
            .invoke(&self.function, |_| RawValue::from_string(input))
            .await;
    }
}
