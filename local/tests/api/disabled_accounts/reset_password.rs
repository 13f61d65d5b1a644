//! `POST /api/passwords/reset_password`.

use crate::support::{
    app::{OTHER_PASSWORD, TestApp},
    operator::Operator,
    password_reset::{assert_queued, request_from},
    response::problem,
    times::{COOL_DOWN, DAY},
};

mod case_59_disabled_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_address_is_unknown_until_enabled() {
        let app = TestApp::start().await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        let disabled = app.request_reset("John@example.com").await;
        assert_eq!(disabled.problem(), problem(404, "not_found"));
        let unknown = app.request_reset("nobody@example.com").await;
        assert_eq!(disabled.without_date(), unknown.without_date());
        app.server.drain().await;
        assert!(app.unread_mails().is_empty());
        operator.enable(john.id).await;
        let token = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
        app.mail();
        app.token("john", OTHER_PASSWORD).await;
    }

    /// The same bytes, and the same calls at the same cost, until both addresses are over the limit.
    #[tokio::test(flavor = "multi_thread")]
    async fn hidden_unknown_addresses_include_disabled_ones() {
        let app = TestApp::with_settings(&[("REVEAL_UNKNOWN_EMAILS", "false")]).await;
        let john = app.sign_up("john").await;
        let operator = Operator::of(&app);
        operator.disable(john.id).await;
        let request = async |email: &str| {
            app.server.drain().await;
            app.proxy.calls();
            let response = request_from(&app, "192.0.2.1", email).await;
            let calls = app.proxy.calls().into_iter().map(|call| {
                let tables: Vec<_> = call.keys().into_iter().map(|(table, _)| table).collect();
                (call.operation, tables, call.units.to_string())
            });
            (response, calls.collect::<Vec<_>>())
        };
        // The first write of a source in an hour differs from those after it.
        request("somebody@example.com").await;
        for round in 0..7 {
            let disabled = request("john@example.com").await;
            let unknown = request("nobody@example.com").await;
            assert_eq!(disabled, unknown, "{round}");
            assert_eq!(disabled.0.0, if round < 5 { 200 } else { 429 });
            app.advance(COOL_DOWN);
        }
        app.server.drain().await;
        assert!(app.unread_mails().is_empty());
        // What strangers requested in the meantime does not count against the account.
        operator.enable(john.id).await;
        app.reset_token("john@example.com").await;
    }

    /// The quota of before is still the account's.
    #[tokio::test(flavor = "multi_thread")]
    async fn disabling_does_not_renew_the_quota() {
        let app = TestApp::without_source_limits().await;
        let john = app.sign_up("john").await;
        crate::support::password_reset::use_up_mails(&app, &john.email).await;
        Operator::of(&app).disable_and_enable(john.id).await;
        assert_eq!(app.request_reset(&john.email).await.status, 429);
        app.advance(DAY);
        assert_queued(&app.request_reset(&john.email).await);
        app.server.drain().await;
        app.mail();
    }
}
