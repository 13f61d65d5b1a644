use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::testing::{ManualClock, START, fixed_providers};

fn request() -> Value {
    json!({
        "ClientToken": "c",
        "GroupName": "MailRetries",
        "ScheduleExpression": "rate(5 minutes)",
        "StartDate": START.unix() + 60,
        "EndDate": START.unix() + 3600,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:send_mail:live",
            "RoleArn": "arn:aws:iam::123456789012:role/MailRetryRole",
            "Input": "{}",
        },
        "ActionAfterCompletion": "DELETE",
    })
}

fn create(schedules: &Schedules, name: &str, request: Value) -> Result<String, ApiError> {
    let request = serde_json::from_value(request).map_err(|error| invalid(error.to_string()))?;
    schedules.create(name, &request)
}

fn schedules() -> (ManualClock, Schedules) {
    let clock = ManualClock::default();
    let providers = fixed_providers(&clock, 1);
    let schedules = Schedules::open(providers.clock, None).expect("no file is read");
    (clock, schedules)
}

#[test]
fn a_schedule_is_due_at_its_start_and_then_at_its_rate() {
    let (clock, schedules) = schedules();
    create(&schedules, "a", request()).expect("a valid request");
    let due_after = |seconds| {
        clock.advance(Duration::from_secs(seconds));
        schedules.take_due(false).len()
    };
    assert_eq!(due_after(59), 0);
    assert_eq!(due_after(1), 1);
    assert_eq!(due_after(299), 0);
    assert_eq!(due_after(1), 1);
    assert_eq!(due_after(900), 1, "missed ones are skipped");
    assert_eq!(due_after(299), 0);
    assert_eq!(due_after(1), 1);
    assert_eq!(due_after(3600), 0, "it has ended");
    assert!(schedules.take_due(true).is_empty());
}

#[test]
fn a_name_is_unique_until_it_is_deleted() {
    let (_, schedules) = schedules();
    create(&schedules, "a", request()).expect("a valid request");
    let error = create(&schedules, "a", request()).expect_err("a conflict");
    assert_eq!(error.error_type, "ConflictException");
    schedules.delete("MailRetries", "a").expect("it exists");
    let error = schedules.delete("MailRetries", "a").expect_err("deleted");
    assert_eq!(error.error_type, "ResourceNotFoundException");
    create(&schedules, "a", request()).expect("a valid request");
}

#[test]
fn unsupported_requests_are_rejected() {
    let (_, schedules) = schedules();
    for (pointer, value) in [
        ("/ScheduleExpression", json!("cron(0 12 * * ? *)")),
        ("/ScheduleExpression", json!("rate(1 minutes)")),
        ("/FlexibleTimeWindow/Mode", json!("FLEXIBLE")),
        ("/ActionAfterCompletion", json!("NONE")),
        (
            "/Target/Arn",
            json!("arn:aws:sqs:eu-central-1:123456789012:queue"),
        ),
        ("/Target/RoleArn", json!("MailRetryRole")),
        ("/GroupName", json!("a/b")),
        ("/StartDate", json!(0.5)),
    ] {
        let mut request = request();
        *request.pointer_mut(pointer).expect("a field") = value;
        let error = create(&schedules, "a", request).expect_err(pointer);
        assert_eq!(error.error_type, "ValidationException", "{pointer}");
    }
}
