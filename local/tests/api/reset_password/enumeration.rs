//! `POST /api/passwords/reset_password` with `RevealUnknownEmails=false`: requests do not reveal who has an account.

use tokio::time::Instant;

use crate::support::{
    app::TestApp,
    password_reset::request_from,
    response::field_error,
    times::{COOL_DOWN, DAY, HOUR},
};

async fn hiding() -> TestApp {
    TestApp::with_settings(&[("REVEAL_UNKNOWN_EMAILS", "false")]).await
}

mod case_28_enumeration {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_addresses_get_identical_responses() {
        let app = hiding().await;
        app.sign_up("john").await;
        let request = async |email: &str| {
            let mut response = app.request_reset(email).await;
            response.headers.remove("date");
            (response.status, response.headers, response.text)
        };
        for round in 0..8 {
            let (known, unknown) = (
                request("john@example.com").await,
                request("nobody@example.com").await,
            );
            assert_eq!(known, unknown, "{round}");
            assert_eq!(known.0, if round < 5 { 200 } else { 429 });
            // Also within the cool-down.
            assert_eq!(
                request("john@example.com").await,
                request("NOBODY@example.com").await,
                "{round}"
            );
            app.advance(COOL_DOWN);
        }
        app.advance(DAY);
        assert_eq!(
            request("john@example.com").await,
            request("nobody@example.com").await
        );
        let mails = app.unread_mails();
        assert_eq!(mails.len(), 6);
        assert!(mails.iter().all(|mail| mail.to == ["john@example.com"]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_addresses_cause_identical_calls() {
        let app = hiding().await;
        app.sign_up("john").await;
        let calls = async |email: &str| {
            app.server.drain().await;
            app.proxy.calls();
            let response = request_from(&app, "192.0.2.1", email).await;
            let mut calls = app.proxy.calls();
            // The calls after the write that queues the mail are those of `send_mail`.
            let queued = calls.iter().position(|call| call.operation == "PutItem");
            calls.truncate(queued.map_or(calls.len(), |place| place + 1));
            let kinds = calls.into_iter().map(|call| {
                let tables: Vec<_> = call.keys().into_iter().map(|(table, _)| table).collect();
                // The read of a user costs by the size of the record, which is less than one unit.
                (call.operation, tables, call.units.to_string())
            });
            (response, kinds.collect::<Vec<_>>())
        };
        // The first write of a source in an hour differs from those after it.
        request_from(&app, "192.0.2.1", "somebody@example.com").await;
        for round in 0..7 {
            let (known, unknown) = (
                calls("john@example.com").await,
                calls("nobody@example.com").await,
            );
            assert_eq!(known, unknown, "{round}");
            assert!(known.1.len() >= 3, "{known:?}");
            let again = (
                calls("john@example.com").await,
                calls("nobody@example.com").await,
            );
            assert_eq!(again.0, again.1, "{round}");
            app.advance(COOL_DOWN);
        }
        app.server.drain().await;
        assert_eq!(app.unread_mails().len(), 5);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_addresses_take_the_same_time() {
        // Other tests run at the same time, so one equal round is enough; an additional call would make every round differ.
        const ROUNDS: usize = 25;
        let app = hiding().await;
        app.sign_up("john").await;
        let mut seen = Vec::new();
        for _ in 0..ROUNDS {
            let mut times = [Vec::new(), Vec::new()];
            for number in 0..60 {
                app.advance(DAY);
                // Each goes first in turn, so that neither benefits from caches.
                for turn in [number % 2, 1 - number % 2] {
                    let email = ["john@example.com", "nobody@example.com"][turn];
                    let began = Instant::now();
                    assert_eq!(request_from(&app, "192.0.2.1", email).await.0, 200);
                    times[turn].push(began.elapsed());
                    app.server.drain().await;
                }
            }
            assert_eq!(app.unread_mails().len(), 60);
            let [known, unknown] = times.map(|mut times| {
                times.sort();
                times[times.len() / 2].as_secs_f64()
            });
            seen.push(unknown / known);
            if (0.9..=1.1).contains(&(unknown / known)) {
                return;
            }
        }
        panic!("the medians differ: {seen:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_source_limit_covers_unknown_addresses() {
        let app = hiding().await;
        app.sign_up("john").await;
        for number in 0..30 {
            let email = ["john@example.com", "nobody@example.com"][number % 2];
            assert_eq!(app.request_reset(email).await.status, 200);
        }
        for email in ["john@example.com", "nobody@example.com"] {
            assert_eq!(
                app.request_reset(email).await.throttled_seconds(),
                HOUR.as_secs()
            );
        }
        app.mail();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spellings_of_an_unknown_address_count_together() {
        let app =
            TestApp::with_settings(&[("REVEAL_UNKNOWN_EMAILS", "false"), ("SOURCE_LIMITS", "off")])
                .await;
        let spellings = [
            "nobody@b\u{fc}cher.example",
            "NOBODY@B\u{dc}CHER.EXAMPLE",
            " nobody@xn--bcher-kva.example",
            "nobody@bu\u{308}cher\u{3002}example",
            "Nobody@XN--BCHER-KVA.example",
        ];
        for spelling in spellings {
            assert_eq!(app.request_reset(spelling).await.status, 200);
            app.advance(COOL_DOWN);
        }
        for spelling in spellings {
            assert_eq!(
                app.request_reset(spelling).await.throttled_seconds(),
                86_400 - 600
            );
        }
        assert_eq!(
            app.request_reset("nonsense").await.field_error(),
            field_error("email", "invalid")
        );
    }

    /// Requests before the sign-up do not count against the new account.
    #[tokio::test(flavor = "multi_thread")]
    async fn requests_before_sign_up_do_not_count() {
        let app =
            TestApp::with_settings(&[("REVEAL_UNKNOWN_EMAILS", "false"), ("SOURCE_LIMITS", "off")])
                .await;
        for _ in 0..6 {
            app.request_reset("john@example.com").await;
            app.advance(COOL_DOWN);
        }
        assert_eq!(app.request_reset("john@example.com").await.status, 429);
        app.sign_up("john").await;
        app.reset_token("john@example.com").await;
    }
}
