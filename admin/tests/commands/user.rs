//! `user`.

mod delete;
mod disable;
mod find;
mod role;
mod send_reset;
mod set_email;
mod show;
mod sign_out;

use crate::latchkey::Latchkey;

/// The commands that change something, without `--yes`.
const CHANGES: &[&[&str]] = &[
    &["superuser", "grant", "ann", "--force"],
    &["sessions", "end", "ann"],
    &["user", "disable", "ann"],
    &["user", "delete", "ann"],
    &["user", "add-role", "ann", "orders:read"],
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

/// Signs `ann` out on a terminal, and types `input`. Returns the exit code and what the terminal showed.
#[cfg(target_os = "linux")]
async fn sign_out_on_a_terminal(latchkey: &Latchkey, input: &str) -> (i32, String) {
    use tokio::io::AsyncWriteExt as _;

    let command = format!(
        "{} --endpoint-url http://{} user sign-out ann",
        env!("CARGO_BIN_EXE_admin"),
        latchkey.server.dynamodb_address()
    );
    let mut terminal = tokio::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = terminal.stdin.take().unwrap();
    keyboard.write_all(input.as_bytes()).await.unwrap();
    drop(keyboard);
    let output = terminal.wait_with_output().await.unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), shown)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_change_on_a_terminal_is_confirmed() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let (code, shown) = sign_out_on_a_terminal(&latchkey, "n\n").await;
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("Continue? [y/N]"), "{shown}");
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 200);
    let (code, shown) = sign_out_on_a_terminal(&latchkey, "y\n").await;
    assert_eq!(code, 0, "{shown}");
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
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
