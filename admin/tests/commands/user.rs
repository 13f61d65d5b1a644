//! `user`.

mod find;
mod send_reset;
mod set_email;
mod show;
mod sign_out;

use crate::latchkey::Latchkey;

/// The commands that change something, without `--yes`.
const CHANGES: &[&[&str]] = &[
    &["superuser", "grant", "ann", "--force"],
    &["sessions", "end", "ann"],
    &["user", "sign-out", "ann"],
    &["user", "set-email", "ann", "new@example.com"],
    &["user", "send-reset", "ann"],
];

#[tokio::test]
async fn a_change_without_a_terminal_needs_yes() {
    let latchkey = Latchkey::start().await;
    latchkey.sign_up("ann").await;
    for command in CHANGES {
        let refused = latchkey.admin(command).await;
        assert_eq!(refused.code, 2, "{command:?}: {refused:?}");
        assert!(
            refused.error.contains("add --yes") && refused.error.contains("ann@example.com"),
            "{command:?}: {refused:?}"
        );
    }
    assert!(latchkey.changes().await.is_empty());
}

#[tokio::test]
async fn an_unknown_user_is_not_changed() {
    let latchkey = Latchkey::start().await;
    for command in CHANGES {
        let output = latchkey.admin(&[*command, &["--yes"]].concat()).await;
        assert_eq!(output.code, 1, "{command:?}: {output:?}");
        assert_eq!(output.error, "error: no user has the username ann\n");
    }
    assert!(latchkey.changes().await.is_empty());
}
