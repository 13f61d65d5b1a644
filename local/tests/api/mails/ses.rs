//! `send_mail`: SES throttles, rejects, times out or does not respond.

use std::time::Duration;

use local::faults::{Gate, MalformedResponse};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::delivery::fail_recording;
use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, token_in},
    mail_queue::{
        block, count, recipient, recipients, request_all_blocked, reset_key, send, start_with_ses,
        state, unblock,
    },
    proxy::{Call, FaultAction, Proxy, error},
    tables::TRANSIENT,
    times::{COOL_DOWN, DAY, HOUR, RESPONSE_TIMEOUT},
};

const LATE: Duration = Duration::from_secs(7);

/// The time for which SES is not called after a failure that concerns all mails.
const PAUSE: Duration = Duration::from_secs(30);

/// The time until a mail is retried, and between two retries.
const FIRST_RETRY: Duration = Duration::from_mins(1);
const RETRY_INTERVAL: Duration = Duration::from_mins(5);

/// The recipients of `mails`, sorted: retries come in no certain order.
fn sorted(mails: &[local::Mail]) -> Vec<String> {
    let mut addresses: Vec<String> = mails.iter().map(|mail| mail.to[0].clone()).collect();
    addresses.sort();
    addresses
}

/// Injects `action` into the mails to `address`.
fn fail_mails_to(ses: &Proxy, address: &str, action: FaultAction) {
    let address = address.to_owned();
    ses.rule(move |call| {
        if recipient(call) == address {
            action.clone()
        } else {
            FaultAction::Forward
        }
    });
}

/// Injects `action` into every mail.
fn fail_mails(ses: &Proxy, action: FaultAction) {
    ses.rule_where(|call: &Call| call.operation == "SendEmail", action);
}

/// The error with which SES rejects a mail because this identity is not verified.
fn unverified(identity: &str) -> FaultAction {
    let message = format!(
        "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: {identity}"
    );
    FaultAction::SesRefusal("MessageRejected", message)
}

/// Lets a day pass: every hour the schedules that are due are invoked, as on any day, and nothing else happens.
async fn pass_a_day(app: &TestApp) {
    for _ in 0..24 {
        app.advance(HOUR);
        app.server.poll().await;
    }
}

mod case_40_mail_delivery {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unacknowledged_mail_is_sent_at_most_twice() {
        let (app, ses) = start_with_ses().await;
        app.sign_up("john").await;
        ses.once("SendEmail", FaultAction::CutAfter);
        assert_eq!(app.request_reset("john@example.com").await.status, 200);
        app.server.drain().await;
        let mails = app.unread_mails();
        assert_eq!(recipients(&mails), ["john@example.com"; 2]);
        assert_eq!(
            app.complete(&token_in(&mails[0]), OTHER_PASSWORD)
                .await
                .status,
            201
        );
        assert_eq!(
            app.complete(&token_in(&mails[1]), PASSWORD).await.status,
            400
        );
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_during_an_outage_send_one_mail() {
        let (app, ses) = start_with_ses().await;
        app.sign_up("john").await;
        fail_mails(&ses, FaultAction::SesError(400, "SendingPausedException"));
        for _ in 0..4 {
            assert_eq!(app.request_reset("john@example.com").await.status, 200);
            app.advance(COOL_DOWN);
        }
        assert!(app.unread_mails().is_empty());
        ses.heal();
        app.server.drain().await;
        let token = token_in(&app.mail());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn mails_are_sent_after_a_day_without_ses() {
        for action in [
            FaultAction::SesError(500, "InternalServiceErrorException"),
            FaultAction::SesError(400, "SendingPausedException"),
            unverified("no-reply@latchkey.example"),
            unverified("latchkey.example"),
            FaultAction::CutBefore,
        ] {
            let shown = format!("{action:?}");
            let (app, ses) = start_with_ses().await;
            fail_mails(&ses, action);
            let mut users = Vec::new();
            for number in 0..12 {
                let user = app.sign_up(&format!("user{number:02}")).await;
                assert_eq!(app.request_reset(&user.email).await.status, 200);
                users.push(user);
            }
            app.advance(HOUR);
            let change = json!({"password": OTHER_PASSWORD});
            let changed = app.change(&users[11].token, change).await;
            assert_eq!(changed.status, 200);
            pass_a_day(&app).await;
            assert!(app.unread_mails().is_empty(), "{shown}");
            // Without an operator: the next retry sends everything but the notice, which is a day old by then.
            ses.heal();
            app.advance(RETRY_INTERVAL);
            app.server.poll().await;
            let mails = app.unread_mails();
            let mut expected: Vec<_> = users.iter().map(|user| user.email.clone()).collect();
            expected.sort();
            assert_eq!(sorted(&mails), expected, "{shown}: each once");
            // The links count from their sending.
            app.advance(Duration::from_secs(48 * 3600 - 1));
            let of_first = mails.iter().find(|mail| mail.to[0] == users[0].email);
            let token = token_in(of_first.unwrap());
            assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_notice_is_sent_within_a_day_or_dropped() {
        let (app, ses) = start_with_ses().await;
        let users = [app.sign_up("john").await, app.sign_up("jane").await];
        fail_mails(&ses, FaultAction::SesError(500, "InternalFailure"));
        for (user, password) in users.iter().zip([OTHER_PASSWORD, OTHER_PASSWORD]) {
            let changed = app.change(&user.token, json!({"password": password})).await;
            assert_eq!(changed.status, 200);
            app.advance(HOUR);
        }
        app.advance(DAY.saturating_sub(2 * HOUR));
        app.server.poll().await;
        ses.heal();
        app.advance(RETRY_INTERVAL);
        app.server.poll().await;
        assert_eq!(app.mail().to, ["jane@example.com"]);
        let items = app.tables().all(TRANSIENT).await;
        let dropped = items
            .iter()
            .find(|item| item["state"] == "dropped")
            .unwrap();
        assert_eq!(dropped["user"], users[0].id);
        assert_eq!(dropped["detail"], "the notice is out of date");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_that_cannot_be_sent_is_given_up() {
        let (app, ses) = start_with_ses().await;
        let user = app.sign_up("john").await;
        fail_mails(&ses, FaultAction::SesError(500, "InternalFailure"));
        assert_eq!(app.request_reset(&user.email).await.status, 200);
        app.advance(Duration::from_secs(36 * 3600 - 1));
        app.server.poll().await;
        assert_eq!(state(&app, &reset_key(&user)).await.0, "queued");
        app.advance(RETRY_INTERVAL);
        app.server.poll().await;
        let (state, reason) = state(&app, &reset_key(&user)).await;
        assert_eq!(state, "failed");
        assert_eq!(
            reason,
            "given up: InternalFailure: injected by the development server"
        );
        // Its schedule is gone, too.
        ses.calls();
        app.server.drain().await;
        assert!(ses.calls().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_whose_result_cannot_be_stored_is_given_up() {
        let (app, ses) = start_with_ses().await;
        let user = app.sign_up("john").await;
        let throttled = error(400, "ProvisionedThroughputExceededException");
        fail_recording(&app, u32::MAX, throttled);
        assert_eq!(app.request_reset(&user.email).await.status, 200);
        app.server.drain().await;
        app.unread_mails();
        app.advance(Duration::from_hours(36));
        app.server.poll().await;
        assert_eq!(app.mail().to, [user.email]);
        ses.calls();
        app.advance(RETRY_INTERVAL);
        app.server.poll().await;
        assert!(ses.calls().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_rejected_mail_fails_and_others_continue() {
        let (app, ses) = start_with_ses().await;
        for (number, kind) in ["MessageRejected", "BadRequestException"]
            .into_iter()
            .enumerate()
        {
            let (accepted, rejected) = (
                app.sign_up(&format!("accepted{number}")).await,
                app.sign_up(&format!("rejected{number}")).await,
            );
            fail_mails_to(&ses, &rejected.email, FaultAction::SesError(400, kind));
            assert_eq!(app.request_reset(&rejected.email).await.status, 200);
            assert_eq!(app.request_reset(&accepted.email).await.status, 200);
            app.server.drain().await;
            assert_eq!(app.mail().to, [accepted.email.as_str()]);
            let reason = format!("{kind}: injected by the development server");
            assert_eq!(
                state(&app, &reset_key(&rejected)).await,
                ("failed".to_owned(), reason)
            );
            assert_eq!(
                ses.calls()
                    .iter()
                    .filter(|call| recipient(call) == rejected.email)
                    .count(),
                1,
                "one attempt"
            );
            // The failed mail does not prevent another request, not even for the cool-down.
            ses.heal();
            app.reset_token(&rejected.email).await;
            assert_eq!(state(&app, &reset_key(&rejected)).await.0, "sent");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unverified_recipient_is_retried_alone() {
        let (app, ses) = start_with_ses().await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        fail_mails_to(&ses, &john.email, unverified(&john.email));
        assert_eq!(app.request_reset(&john.email).await.status, 200);
        app.reset_token(&jane.email).await;
        assert_eq!(state(&app, &reset_key(&john)).await.0, "queued");
        ses.heal();
        app.advance(FIRST_RETRY);
        app.server.poll().await;
        assert_eq!(app.mail().to, [john.email.as_str()]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_log_and_no_item_has_an_address_that_ses_quotes() {
        let (app, ses) = start_with_ses().await;
        for (number, kind) in [
            "MessageRejected",
            "BadRequestException",
            "AccessDeniedException",
        ]
        .into_iter()
        .enumerate()
        {
            let user = app.sign_up(&format!("quoted{number}")).await;
            app.log_watch.add(&user.email);
            let message = format!(
                "no permission for identity/{0} <{0}>, '{0}';{0}",
                user.email
            );
            fail_mails(&ses, FaultAction::SesRefusal(kind, message));
            assert_eq!(app.request_reset(&user.email).await.status, 200);
            app.server.drain().await;
            let items = app.tables().all(TRANSIENT).await;
            assert!(!json!(items).to_string().contains('@'), "{kind}: {items:?}");
            app.advance(PAUSE);
        }
        ses.heal();
        app.server.drain().await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failing_mail_delays_no_other() {
        let (app, ses) = start_with_ses().await;
        for (number, action) in [
            FaultAction::SesError(400, "ConcurrentModificationException"),
            FaultAction::SesError(409, "ConflictException"),
            FaultAction::SesError(400, "Mystery"),
            FaultAction::SesError(500, "InternalFailure"),
            FaultAction::SesError(500, "InternalServiceErrorException"),
            FaultAction::SesError(503, "ServiceUnavailable"),
            FaultAction::Replace(301, "text/html", ""),
            FaultAction::Replace(403, "text/html", "<html>no</html>"),
            FaultAction::Replace(413, "text/html", ""),
            FaultAction::Replace(431, "text/plain", ""),
            FaultAction::Replace(502, "text/html", "<html>Bad gateway</html>"),
            FaultAction::Replace(503, "application/json", "{}"),
            FaultAction::Replace(504, "application/json", "["),
            FaultAction::CutBefore,
        ]
        .into_iter()
        .enumerate()
        {
            let shown = format!("{action:?}");
            block(&app);
            let names = ["a", "b", "c"].map(|name| format!("{name}{number}"));
            let names = names.each_ref().map(String::as_str);
            let (users, records) = request_all_blocked(&app, &names).await;
            fail_mails_to(&ses, &users[0].email, action);
            assert!(send(&app, &records).await.is_empty(), "{shown}");
            assert_eq!(
                recipients(&app.unread_mails()),
                [users[1].email.as_str(), &users[2].email],
                "{shown}"
            );
            let key = reset_key(&users[0]);
            assert_eq!(state(&app, &key).await.0, "queued", "{shown}");
            // Retries that fail delay no one either.
            app.server.drain().await;
            assert_eq!(state(&app, &key).await.0, "queued", "{shown}");
            ses.heal();
            unblock(&app, &[users[0].email.as_str()]).await;
            assert_eq!(state(&app, &key).await.0, "sent", "{shown}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_outage_costs_one_call_of_ses() {
        let (app, ses) = start_with_ses().await;
        for (number, action) in [
            FaultAction::SesError(429, "TooManyRequestsException"),
            FaultAction::SesError(400, "LimitExceededException"),
            FaultAction::SesError(400, "ThrottlingException"),
            FaultAction::SesError(400, "SendingPausedException"),
            FaultAction::SesError(400, "AccountSuspendedException"),
            FaultAction::SesError(400, "MailFromDomainNotVerifiedException"),
            FaultAction::SesError(404, "NotFoundException"),
            FaultAction::SesError(403, "ExpiredTokenException"),
            FaultAction::SesError(403, "AccessDeniedException"),
            FaultAction::SesError(400, "IncompleteSignature"),
            FaultAction::SesError(403, "InvalidSignatureException"),
            FaultAction::SesError(403, "SignatureDoesNotMatch"),
            FaultAction::SesError(403, "OptInRequired"),
            FaultAction::SesError(403, "RequestExpired"),
            FaultAction::SesError(403, "UnrecognizedClientException"),
            unverified("no-reply@latchkey.example"),
        ]
        .into_iter()
        .enumerate()
        {
            let shown = format!("{action:?}");
            let is_throttled = shown.contains("Throttl") || shown.contains("TooMany");
            block(&app);
            let names = ["a", "b", "c"].map(|name| format!("{name}{number:02}"));
            let names = names.each_ref().map(String::as_str);
            let (users, records) = request_all_blocked(&app, &names).await;
            fail_mails(&ses, action);
            ses.calls();
            assert!(send(&app, &records).await.is_empty(), "{shown}");
            // Throttling is over in a moment, as a rule.
            let expected = if is_throttled { 3 } else { 1 };
            let calls = ses.calls();
            assert_eq!(count(&calls, "SendEmail"), expected, "{shown}");
            assert_eq!(count(&calls, "CreateSchedule"), 3, "{shown}");
            app.server.drain().await;
            assert_eq!(count(&ses.calls(), "SendEmail"), 0, "{shown}");
            ses.heal();
            app.advance(PAUSE);
            app.server.drain().await;
            let expected: Vec<_> = users.iter().map(|user| user.email.clone()).collect();
            assert_eq!(sorted(&app.unread_mails()), expected, "{shown}");
            assert_eq!(count(&ses.calls(), "DeleteSchedule"), 3, "{shown}");
            unblock(&app, &[]).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_throttled_mail_is_sent_a_moment_later() {
        let (app, ses) = start_with_ses().await;
        app.sign_up("john").await;
        ses.once(
            "SendEmail",
            FaultAction::SesError(429, "TooManyRequestsException"),
        );
        app.reset_token("john@example.com").await;
        assert_eq!(count(&ses.calls(), "CreateSchedule"), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_a_failure_to_schedule_holds_the_stream() {
        let (app, ses) = start_with_ses().await;
        block(&app);
        let (users, records) = request_all_blocked(&app, &["u0", "u1", "u2"]).await;
        ses.rule(|call| match call.operation.as_str() {
            "SendEmail" if recipient(call) != "u1@example.com" => FaultAction::Forward,
            _ => FaultAction::SesError(503, "ServiceUnavailable"),
        });
        assert_eq!(send(&app, &records).await, ["u1"]);
        assert_eq!(app.mail().to, ["u0@example.com"]);
        assert_eq!(state(&app, &reset_key(&users[1])).await.0, "queued");
        // The next attempt gets the whole batch again and sends only the rest.
        ses.heal();
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(
            recipients(&app.unread_mails()),
            ["u1@example.com", "u2@example.com"]
        );
        unblock(&app, &[]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_is_retried_after_a_minute_and_every_five() {
        let (app, ses) = start_with_ses().await;
        let user = app.sign_up("john").await;
        fail_mails(&ses, FaultAction::SesError(500, "InternalFailure"));
        assert_eq!(app.request_reset(&user.email).await.status, 200);
        let calls_after = async |time: Duration| {
            ses.calls();
            app.advance(time);
            app.server.poll().await;
            count(&ses.calls(), "SendEmail")
        };
        let second = Duration::from_secs(1);
        assert_eq!(calls_after(FIRST_RETRY.saturating_sub(second)).await, 0);
        assert_eq!(calls_after(second).await, 1);
        for _ in 0..3 {
            assert_eq!(calls_after(RETRY_INTERVAL.saturating_sub(second)).await, 0);
            assert_eq!(calls_after(second).await, 1);
        }
        ses.heal();
        app.advance(RETRY_INTERVAL);
        app.server.poll().await;
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn resets_do_not_wait_for_notices() {
        let (app, ses) = start_with_ses().await;
        let (john, jane) = (app.sign_up("john").await, app.sign_up("jane").await);
        let gate = Gate::closed();
        let closed = gate.clone();
        ses.rule(move |call| match recipient(call) {
            "john@example.com" => FaultAction::Hold(closed.clone()),
            _ => FaultAction::Forward,
        });
        let reset = async {
            // The notice is on its way to SES, and gets there when the reset mail has arrived.
            gate.reached().await;
            let arrived = timeout(RESPONSE_TIMEOUT, async {
                while app.server.mails().is_empty() {
                    sleep(Duration::from_millis(20)).await;
                }
                gate.open();
            });
            let (response, arrived) = tokio::join!(app.request_reset(&jane.email), arrived);
            assert_eq!(response.status, 200);
            assert!(arrived.is_ok(), "the reset mail waits");
        };
        let change = json!({"password": OTHER_PASSWORD});
        let (changed, ()) = tokio::join!(app.change(&john.token, change), reset);
        assert_eq!(changed.status, 200);
        app.server.drain().await;
        let mails = app.unread_mails();
        assert_eq!(recipients(&mails), ["jane@example.com", "john@example.com"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_do_not_wait_for_ses() {
        for action in [
            FaultAction::Delay(LATE),
            FaultAction::Malform(MalformedResponse::Stalled),
        ] {
            let (app, ses) = start_with_ses().await;
            let user = app.sign_up("john").await;
            let shown = format!("{action:?}");
            ses.once("SendEmail", action);
            let response = timeout(RESPONSE_TIMEOUT, app.request_reset("john@example.com"))
                .await
                .unwrap();
            assert_eq!(response.status, 200, "{shown}");
            // Other requests do not wait for it either.
            assert_eq!(
                timeout(RESPONSE_TIMEOUT, app.details(&user))
                    .await
                    .unwrap()
                    .status,
                200
            );
            app.server.drain().await;
            app.server.drain().await;
            let mails = app.unread_mails();
            assert!((1..=2).contains(&mails.len()), "{shown}: {mails:?}");
            assert_eq!(state(&app, &reset_key(&user)).await.0, "sent", "{shown}");
            let token = token_in(mails.last().unwrap());
            assert_eq!(
                app.complete(&token, OTHER_PASSWORD).await.status,
                201,
                "{shown}"
            );
            app.server.drain().await;
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_that_times_out_delays_others_by_seconds() {
        let (app, ses) = start_with_ses().await;
        block(&app);
        let (users, records) = request_all_blocked(&app, &["u0", "u1", "u2"]).await;
        fail_mails_to(&ses, "u1@example.com", FaultAction::Delay(LATE));
        let began = Instant::now();
        assert!(send(&app, &records).await.is_empty());
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        let mails = app.unread_mails();
        assert_eq!(recipients(&mails), ["u0@example.com", "u2@example.com"]);
        assert_eq!(state(&app, &reset_key(&users[1])).await.0, "queued");
        ses.heal();
        app.server.enable_mappings(true);
        app.server.drain().await;
        let mails = app.unread_mails();
        assert!(
            (1..=2).contains(&mails.len())
                && mails.iter().all(|mail| mail.to == ["u1@example.com"]),
            "{mails:?}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hanging_ses_is_called_twice() {
        let (app, ses) = start_with_ses().await;
        block(&app);
        let (users, records) = request_all_blocked(&app, &["u0", "u1", "u2", "u3"]).await;
        fail_mails(&ses, FaultAction::Malform(MalformedResponse::Stalled));
        ses.calls();
        assert!(send(&app, &records).await.is_empty());
        let calls = ses.calls();
        assert_eq!(count(&calls, "SendEmail"), 2);
        assert_eq!(count(&calls, "CreateSchedule"), 4);
        ses.heal();
        app.advance(PAUSE);
        app.server.enable_mappings(true);
        app.server.drain().await;
        let mails = app.unread_mails();
        for user in &users {
            let copies = mails.iter().filter(|mail| mail.to[0] == user.email).count();
            assert!((1..=2).contains(&copies), "{}: {copies}", user.email);
            assert_eq!(state(&app, &reset_key(user)).await.0, "sent");
        }
    }
}
