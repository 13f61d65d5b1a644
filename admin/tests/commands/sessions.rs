//! `sessions`.

use serde_json::json;

use crate::latchkey::{Latchkey, PASSWORD};

#[tokio::test]
async fn a_user_is_signed_out_everywhere_and_a_mailed_link_is_dead() {
    let latchkey = Latchkey::start().await;
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    let (_, second) = latchkey.log_in("ann", PASSWORD).await;
    let second = second["token"].as_str().unwrap();
    let body = json!({"email": "ann@example.com"});
    let requested = latchkey.post("/api/passwords/reset_password", body).await;
    assert_eq!(requested.0, 200);
    let mail = latchkey.server.mails().remove(0);
    let (_, link) = mail.text.split_once("?token=").unwrap();
    let token = link.split_whitespace().next().unwrap();

    let output = latchkey.admin(&["sessions", "end", "ANN"]).await;
    let expected = format!(
        "ann (id {}) has been signed out everywhere (2 sessions). The password has not changed.\n",
        ann.id
    );
    assert_eq!((output.code, output.out), (0, expected));
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    assert_eq!(latchkey.read(ann.id, second).await, 401);
    assert_eq!(latchkey.read(bob.id, &bob.token).await, 200);
    let new = "seventeen purple submarines";
    let body = json!({"new_password": new, "password_confirmation": new, "reset_token": token});
    let completed = latchkey.post("/api/passwords/reset_password_complete", body);
    assert_eq!(completed.await.1["code"], "invalid_token");
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);

    let ended = latchkey.json(&["sessions", "end", "ann@example.com"]).await;
    assert_eq!(ended["ended"], 1);
    let unknown = latchkey.admin(&["sessions", "end", "unknown"]).await;
    assert_eq!(unknown.code, 1);
}
