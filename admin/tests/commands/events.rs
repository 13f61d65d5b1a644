//! Changes by commands cause the same events as those by users, if the command knows the table.

use crate::latchkey::{Latchkey, run};

#[tokio::test]
async fn changes_by_commands_cause_events() {
    let latchkey = Latchkey::with(&[("EventBusName", "users")], true).await;
    latchkey.sign_up("ann").await;
    let endpoint = format!("http://{}", latchkey.server.dynamodb_address());
    let options = ["--endpoint-url", &endpoint, "--events-table", "EventsTable"];
    for command in [
        &["superuser", "grant", "--force", "ann"][..],
        &["superuser", "revoke", "ann"],
        &["user", "set-email", "--verified", "ann", "a@example.com"],
        &["user", "disable", "ann"],
        &["user", "enable", "ann"],
        &["user", "delete", "ann"],
    ] {
        let output = run(&[&options, command, &["--yes"]].concat()).await;
        assert_eq!(output.code, 0, "{command:?}: {output:?}");
    }
    latchkey.server.poll().await;
    let mut events: Vec<_> = latchkey
        .server
        .events()
        .into_iter()
        .map(|event| (event.detail["version"].as_u64(), event.detail_type))
        .collect();
    events.sort();
    let expected = [
        (1, "user.created"),
        (2, "user.updated"),
        (3, "user.updated"),
        (4, "user.updated"),
        (4, "user.verified"),
        (5, "user.disabled"),
        (6, "user.enabled"),
        (7, "user.deleted"),
    ];
    let expected = expected.map(|(version, kind)| (Some(version), kind.to_owned()));
    assert_eq!(events, expected);
}
