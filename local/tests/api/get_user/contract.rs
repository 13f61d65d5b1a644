//! `GET /api/users/{id}`: access and freshness.

use serde_json::json;

use super::ids::{MALFORMED_IDS, get_raw};
use crate::support::{
    app::{PASSWORD, TestApp},
    proxy::Call,
    response::problem,
};

mod case_08_own_record {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn own_record_costs_one_read() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        app.proxy.calls();
        let response = app.details(&user).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            response.json(),
            json!({
                "id": user.id, "username": "john", "email": "john@example.com", "first_name": "", "last_name": "",
                "is_superuser": false, "email_verified": false, "date_joined": "2026-01-31T12:00:00Z",
            })
        );
        let calls = app.proxy.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0].operation, "GetItem");
        assert_eq!(calls[0].body["ConsistentRead"], true);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_users_look_like_missing_ones() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        assert_eq!(app.details(&user).await.status, 200);
        app.proxy.calls();
        let someone = app.details_with(&other, &user.token).await;
        assert_eq!(someone.problem(), problem(404, "not_found"));
        let expected = someone.without_date();
        for id in [1, 21, other.id - 1, other.id + 1, (1 << 53) - 1] {
            let nobody = app.get(&format!("/api/users/{id}"), &user.token).await;
            assert_eq!(nobody.without_date(), expected, "{id}");
        }
        let read: Vec<_> = app
            .proxy
            .calls()
            .iter()
            .flat_map(Call::keys)
            .map(|(_, key)| key)
            .collect();
        assert_eq!(read, vec![format!("user#{}", user.id); 6]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn superusers_may_read_any_record() {
        let app = TestApp::start().await;
        let (root, other) = (app.sign_up("root-user").await, app.sign_up("jane").await);
        app.tables().make_superuser(root.id).await;
        assert_eq!(app.details(&root).await.json()["is_superuser"], true);
        let theirs = app.details_with(&other, &root.token).await;
        assert_eq!(
            (theirs.status, theirs.json()),
            (200, app.details(&other).await.json())
        );
        let nobodys = app.get("/api/users/21", &root.token).await;
        assert_eq!(nobodys.problem(), problem(404, "not_found"));
        for id in MALFORMED_IDS {
            let response = get_raw(&app, id, &root.token).await;
            assert!([400, 404].contains(&response.0), "{id}: {response:?}");
        }
        // The other user may still not read the superuser.
        let back = app.details_with(&root, &other.token).await;
        assert_eq!(back.problem(), problem(404, "not_found"));
    }
}

mod case_10_read_after_write {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_is_visible_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for round in 0..100 {
            let name = format!("John {round}");
            let change = json!({"current-password": PASSWORD, "first_name": name});
            let changed = app.update(&user.token, &change).await;
            assert_eq!(
                (changed.status, &changed.json()["first_name"]),
                (200, &json!(name))
            );
            let read = app.details(&user).await;
            assert_eq!((read.status, read.json()), (200, changed.json()));
        }
    }
}
