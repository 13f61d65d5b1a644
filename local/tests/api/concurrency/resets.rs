//! Concurrent password resets.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::{
    app::{ROUNDS, TestApp, token_in},
    response::{problem, statuses},
};

mod case_25_concurrent_resets {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn twenty_completions_have_one_winner() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for round in 0..ROUNDS {
            let token = app.reset_token("john@example.com").await;
            // Twenty in the first rounds, and fewer later for other timings.
            let tries = if round < 10 { 20 } else { 2 + round % 4 };
            let password = |number| format!("round {round} password {number}");
            let responses = join_all((0..tries).map(|number| {
                let (app, token) = (&app, &token);
                async move { app.complete(token, &password(number)).await }
            }))
            .await;
            let winners: Vec<_> = (0..tries)
                .filter(|number| responses[*number].status == 201)
                .collect();
            assert_eq!(winners.len(), 1, "{responses:?}");
            for response in responses.iter().filter(|response| response.status != 201) {
                assert_eq!(response.problem(), (400, "invalid_token".to_owned()));
            }
            app.token("john", &password(winners[0])).await;
            app.mail();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_older_or_the_newer_link_works() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for round in 0..ROUNDS {
            app.advance(Duration::from_hours(24));
            let older = app.reset_token("john@example.com").await;
            app.advance(Duration::from_mins(2));
            let password = format!("round {round} by the older");
            let (completed, requested) = tokio::join!(
                app.complete(&older, &password),
                app.request_reset("john@example.com")
            );
            assert_eq!(requested.status, 200);
            app.server.drain().await;
            let mails = app.unread_mails();
            let newer = mails.iter().find(|mail| mail.text.contains("?token="));
            let newer = token_in(newer.unwrap());
            match completed.status {
                201 => {
                    app.token("john", &password).await;
                    assert_eq!(mails.len(), 2);
                }
                400 => assert_eq!(completed.problem(), problem(400, "invalid_token")),
                _ => panic!("{completed:?}"),
            }
            // The newer link was either issued after the reset, and works, or was revoked by it.
            let password = format!("round {round} by the newer");
            let response = app.complete(&newer, &password).await;
            if completed.status == 400 {
                assert_eq!(response.status, 201, "one of the two must work");
            }
            if response.status == 201 {
                app.token("john", &password).await;
                app.mail();
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_requests_send_one_mail() {
        let app = TestApp::without_source_limits().await;
        app.sign_up("john").await;
        for round in 0..ROUNDS {
            if round % 5 == 0 {
                app.advance(Duration::from_hours(24));
            }
            app.advance(Duration::from_mins(2));
            let spellings = ["john@example.com", "JOHN@example.com", " John@EXAMPLE.com"];
            let requests = (0..6).map(|number| app.request_reset(spellings[number % 3]));
            let responses = join_all(requests).await;
            assert_eq!(statuses(&responses), [200; 6]);
            app.server.drain().await;
            app.mail();
        }
    }
}
