//! `superuser`, `limits` and `smoke`.

use crate::latchkey::{Latchkey, PASSWORD, run};

#[tokio::test]
async fn a_superuser_may_read_others_until_it_is_taken_back() {
    let latchkey = Latchkey::start().await;
    let (ann, bob) = (latchkey.sign_up("ann").await, latchkey.sign_up("bob").await);
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    let said = latchkey
        .admin(&["superuser", "grant", "Ann@example.com"])
        .await;
    let told = format!("ann (id {}) is a superuser now.\n", ann.id);
    assert_eq!((said.code, said.out), (0, told));
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 200);
    let again = latchkey.json(&["superuser", "grant", "ANN"]).await;
    assert_eq!(again["changed"], false);
    let id = ann.id.to_string();
    let revoked = latchkey.json(&["superuser", "revoke", &id]).await;
    assert_eq!(
        (&revoked["changed"], &revoked["is_superuser"]),
        (&true.into(), &false.into())
    );
    assert_eq!(latchkey.read(bob.id, &ann.token).await, 404);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
}

#[tokio::test]
async fn granting_counts_as_a_change_of_the_record() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    let version = async || {
        let items = latchkey.items("UsersTable").await;
        items
            .iter()
            .find_map(|item| item.get("version").cloned())
            .unwrap()
    };
    let before = version().await;
    latchkey.json(&["superuser", "grant", "ann"]).await;
    assert_ne!(version().await, before);
}

#[tokio::test]
async fn a_user_who_is_not_there_is_named_and_the_exit_code_is_one() {
    let latchkey = Latchkey::start().await;
    let said = latchkey
        .admin(&["superuser", "grant", "nobody@example.com"])
        .await;
    assert_eq!(said.code, 1);
    assert_eq!(
        said.error,
        "error: nobody has the e-mail nobody@example.com\n"
    );
    let said = latchkey.admin(&["superuser", "grant", "no body"]).await;
    assert_eq!(said.code, 2);
}

#[tokio::test]
async fn digits_that_mean_two_users_are_refused() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let id = ann.id.to_string();
    let other = latchkey.sign_up(&id).await;
    let said = latchkey.admin(&["superuser", "grant", &id]).await;
    assert_eq!(said.code, 1, "{said:?}");
    let by_name = latchkey
        .json(&["superuser", "grant", &format!("username:{id}")])
        .await;
    assert_eq!(by_name["id"], other.id);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_a_clear_error() {
    let latchkey = Latchkey::start().await;
    let said = latchkey
        .admin(&["--users-table", "Nothing", "superuser", "grant", "ann"])
        .await;
    assert_eq!(said.code, 1);
    assert!(
        said.error.contains("Name the tables with --users-table"),
        "{}",
        said.error
    );
    let said = run(&["--endpoint-url", "http://127.0.0.1:1", "keys", "show"]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.error.contains("is the address right?"),
        "{}",
        said.error
    );
}

#[tokio::test]
async fn a_user_who_locked_themselves_out_is_let_in() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    for _ in 0..5 {
        latchkey.log_in("ann", "wrong password").await;
    }
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann@example.com"]).await;
    assert_eq!(cleared["cleared"][0], "wrong passwords");
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
    let nothing = latchkey.admin(&["limits", "clear", "ann"]).await;
    assert_eq!(nothing.out, "Nothing was counted.\n");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_cleared_too() {
    let latchkey = Latchkey::start().await;
    for _ in 0..5 {
        latchkey.log_in("nobody", PASSWORD).await;
    }
    assert_eq!(latchkey.log_in("nobody", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "nobody"]).await;
    assert_eq!(
        cleared["cleared"][0],
        "wrong passwords for a name that nobody had"
    );
    assert_eq!(latchkey.log_in("nobody", PASSWORD).await.0, 401);
}

#[tokio::test]
async fn reset_mails_may_be_asked_for_again() {
    let latchkey = Latchkey::with(
        &[
            ("RESET_MAILS_PER_DAY", "1"),
            ("RESET_COOL_DOWN_SECONDS", "0"),
        ],
        true,
    )
    .await;
    latchkey.sign_up("ann").await;
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    assert_eq!(latchkey.request_reset("ann@example.com").await, 429);
    let cleared = latchkey.json(&["limits", "clear", "ann"]).await;
    assert_eq!(cleared["cleared"][0], "reset mails");
    assert_eq!(latchkey.request_reset("ann@example.com").await, 200);
    assert_eq!(latchkey.server.mails().len(), 2);
}

#[tokio::test]
async fn a_source_address_is_served_again() {
    let latchkey = Latchkey::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "2")], true).await;
    latchkey.sign_up("ann").await;
    for _ in 0..2 {
        latchkey.log_in("ann", "wrong password").await;
    }
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 429);
    let cleared = latchkey.json(&["limits", "clear", "127.0.0.1"]).await;
    let cleared = cleared["cleared"].as_array().unwrap();
    assert!(
        cleared.contains(&"log_in".into()) && cleared.contains(&"sign_up".into()),
        "{cleared:?}"
    );
    assert_eq!(latchkey.log_in("ann", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn smoke_passes_and_leaves_no_item() {
    let latchkey = Latchkey::with(&[], false).await;
    let said = latchkey.admin(&["smoke", &latchkey.url()]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        said.out
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count(),
        8,
        "{}",
        said.out
    );
    assert!(said.out.ends_with("The user was removed again.\n"));
    for table in ["UsersTable", "TransientTable"] {
        assert_eq!(latchkey.items(table).await, [], "{table}");
    }
}

#[tokio::test]
async fn smoke_without_a_table_says_what_stays() {
    let latchkey = Latchkey::start().await;
    let said = run(&["smoke", &latchkey.url()]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("stays in the table of users: name the table"),
        "{}",
        said.out
    );
    assert_eq!(latchkey.items("UsersTable").await.len(), 3);
}

#[tokio::test]
async fn smoke_fails_at_the_step_that_goes_wrong_and_still_cleans_up() {
    let latchkey = Latchkey::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")], true).await;
    latchkey.sign_up("ann").await;
    latchkey.log_in("ann", "wrong password").await;
    let said = latchkey.admin(&["smoke", &latchkey.url()]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains(
            "FAIL  log in: POST /auth/login answered 429 (too_many_requests) and not 200"
        ),
        "{}",
        said.out
    );
    assert_eq!(latchkey.items("UsersTable").await.len(), 3, "ann's alone");
    let nobody = latchkey.admin(&["smoke", "http://127.0.0.1:1"]).await;
    assert!(
        nobody
            .out
            .contains("FAIL  sign up: POST /auth/signup got no answer"),
        "{nobody:?}"
    );
}
