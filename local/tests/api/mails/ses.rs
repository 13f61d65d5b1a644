//! `send_mail`: SES throttles, rejects, times out or does not respond.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::support::{
    app::{OTHER_PASSWORD, PASSWORD, token_in},
    mail_queue::{
        addresses, block, recipient, recipients, request_all_blocked, reset_key, send,
        start_with_ses, state, throttle_blocked, unblock,
    },
    malformed_response::MalformedResponse,
    proxy::FaultAction,
    times::{COOL_DOWN, RESPONSE_TIMEOUT},
};

const LATE: Duration = Duration::from_secs(7);

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
        ses.rule(|_| FaultAction::SesError(400, "SendingPausedException"));
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
        let (app, ses) = start_with_ses().await;
        ses.rule(|_| FaultAction::SesError(500, "InternalServiceErrorException"));
        let mut users = Vec::new();
        for number in 0..12 {
            let user = app.sign_up(&format!("user{number}")).await;
            assert_eq!(app.request_reset(&user.email).await.status, 200);
            users.push(user);
        }
        app.advance(Duration::from_hours(24));
        assert!(app.unread_mails().is_empty());
        ses.heal();
        app.server.drain().await;
        let mails = app.unread_mails();
        let expected = addresses(&users);
        assert_eq!(recipients(&mails), expected, "in order, each once");
        app.advance(Duration::from_secs(48 * 3600 - 1));
        let token = token_in(mails.last().unwrap());
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
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
            let address = rejected.email.clone();
            ses.rule_where(
                move |call| recipient(call) == address,
                FaultAction::SesError(400, kind),
            );
            assert_eq!(app.request_reset(&rejected.email).await.status, 200);
            assert_eq!(app.request_reset(&accepted.email).await.status, 200);
            app.server.drain().await;
            assert_eq!(app.mail().to, [accepted.email.as_str()]);
            let reason = format!("{kind}: made up by a test");
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
            // The failed mail does not prevent another request.
            ses.heal();
            app.advance(COOL_DOWN);
            app.reset_token(&rejected.email).await;
            assert_eq!(state(&app, &reset_key(&rejected)).await.0, "sent");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_retryable_error_stops_the_batch() {
        let (app, ses) = start_with_ses().await;
        block(&app, &ses).await;
        let names = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"];
        let (users, records) = request_all_blocked(&app, &names).await;
        let actions = [
            FaultAction::SesError(429, "TooManyRequestsException"),
            FaultAction::SesError(400, "LimitExceededException"),
            FaultAction::SesError(400, "ThrottlingException"),
            FaultAction::SesError(400, "SendingPausedException"),
            FaultAction::SesError(400, "AccountSuspendedException"),
            FaultAction::SesError(400, "MailFromDomainNotVerifiedException"),
            FaultAction::SesError(404, "NotFoundException"),
            FaultAction::SesError(403, "ExpiredTokenException"),
            FaultAction::SesError(403, "AccessDeniedException"),
            FaultAction::SesError(500, "InternalServiceErrorException"),
            FaultAction::SesError(503, "ServiceUnavailable"),
            FaultAction::CutBefore,
        ];
        for action in actions {
            ses.calls();
            let address = users[0].email.clone();
            let (shown, fault) = (format!("{action:?}"), action);
            ses.rule(move |call| {
                if recipient(call) == address {
                    fault.clone()
                } else {
                    throttle_blocked(call)
                }
            });
            assert_eq!(send(&app, &records).await, ["u0"], "{shown}");
            assert_eq!(
                state(&app, &reset_key(&users[0])).await.0,
                "queued",
                "{shown}"
            );
            let tried = ses.calls();
            assert!(tried.iter().all(
                |call| !recipient(call).starts_with('u') || recipient(call) == "u0@example.com"
            ));
            assert!(app.unread_mails().is_empty(), "{shown}");
        }
        // In the middle of a batch, the mails before it are sent.
        ses.rule(|call| match recipient(call) {
            "u4@example.com" | "blocker@example.com" => {
                FaultAction::SesError(429, "TooManyRequestsException")
            }
            _ => FaultAction::Forward,
        });
        assert_eq!(send(&app, &records).await, ["u4"]);
        let addresses = addresses(&users);
        assert_eq!(recipients(&app.unread_mails()), addresses[..4]);
        // The next attempt gets the whole batch again and sends only the rest.
        ses.rule(throttle_blocked);
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(recipients(&app.unread_mails()), addresses[4..]);
        unblock(&app, &ses, &[]).await;
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
    async fn a_timeout_of_ses_is_retried() {
        let (app, ses) = start_with_ses().await;
        block(&app, &ses).await;
        let (users, records) = request_all_blocked(&app, &["u0", "u1", "u2"]).await;
        ses.rule(|call| match recipient(call) {
            "u1@example.com" => FaultAction::Delay(LATE),
            _ => throttle_blocked(call),
        });
        let began = Instant::now();
        assert_eq!(send(&app, &records).await, ["u1"]);
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(recipients(&app.unread_mails()), ["u0@example.com"]);
        assert_eq!(state(&app, &reset_key(&users[1])).await.0, "queued");
        ses.heal();
        assert!(send(&app, &records).await.is_empty());
        let mails = app.unread_mails();
        let sent = recipients(&mails);
        for user in &users[1..] {
            let copies = sent.iter().filter(|to| **to == user.email).count();
            assert!((1..=2).contains(&copies), "{sent:?}");
        }
        app.server.drain().await;
        app.unread_mails();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_unknown_error_is_retried() {
        let (app, ses) = start_with_ses().await;
        block(&app, &ses).await;
        let (users, records) = request_all_blocked(&app, &["u0", "u1"]).await;
        for action in [
            FaultAction::SesError(400, "AccountSuspendedException"),
            FaultAction::SesError(400, "ConcurrentModificationException"),
            FaultAction::SesError(409, "ConflictException"),
            FaultAction::SesError(400, "IncompleteSignature"),
            FaultAction::SesError(403, "InvalidSignatureException"),
            FaultAction::SesError(403, "SignatureDoesNotMatch"),
            FaultAction::SesError(403, "OptInRequired"),
            FaultAction::SesError(403, "RequestExpired"),
            FaultAction::SesError(403, "UnrecognizedClientException"),
            FaultAction::SesError(400, "Mystery"),
            FaultAction::SesError(500, "InternalFailure"),
            FaultAction::Replace(301, "text/html", ""),
            FaultAction::Replace(403, "text/html", "<html>no</html>"),
            FaultAction::Replace(413, "text/html", ""),
            FaultAction::Replace(431, "text/plain", ""),
            FaultAction::Replace(502, "text/html", "<html>Bad gateway</html>"),
            FaultAction::Replace(503, "application/json", "{}"),
            FaultAction::Replace(504, "application/json", "["),
        ] {
            let shown = format!("{action:?}");
            ses.rule(move |call| match recipient(call) {
                "u0@example.com" => action.clone(),
                _ => throttle_blocked(call),
            });
            assert_eq!(send(&app, &records).await, ["u0"], "{shown}");
            assert_eq!(
                state(&app, &reset_key(&users[0])).await.0,
                "queued",
                "{shown}"
            );
            assert!(app.unread_mails().is_empty(), "{shown}");
        }
        ses.heal();
        assert!(send(&app, &records).await.is_empty());
        assert_eq!(
            recipients(&app.unread_mails()),
            ["u0@example.com", "u1@example.com"]
        );
        app.server.drain().await;
        app.mail();
    }
}
