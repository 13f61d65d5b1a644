//! The rights in docs/admin.md are those that the commands use, no more and no fewer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::{
    check::sign_up_aged,
    latchkey::{Latchkey, run},
    proxy::{self, Action, header},
    restore::{RESTORED, recover},
};

const DOCUMENT: &str = include_str!("../../../docs/admin.md");

/// The tables in the order of the document's columns.
const TABLES: [(&str, &str); 6] = [
    ("Users", "UsersTable"),
    ("Transient", "TransientTable"),
    ("Counters", "CountersTable"),
    ("Keys", "KeysTable"),
    ("Audit", "AuditTable"),
    ("Restored", RESTORED),
];

/// Actions by table, in the document's names.
type Rights = BTreeMap<&'static str, BTreeSet<String>>;

/// A DynamoDB that notes which actions were used on which table.
struct Observed {
    endpoint: String,
    used: Arc<Mutex<Rights>>,
}

impl Observed {
    async fn start(latchkey: &Latchkey) -> Self {
        let used = Arc::new(Mutex::new(Rights::new()));
        let upstream = format!("http://{}", latchkey.server.dynamodb_address());
        let noted = used.clone();
        let note = move |head: &str, body: &[u8]| {
            if let Some((_, operation)) = header(head, "x-amz-target").unwrap().split_once('.') {
                let body = serde_json::from_slice(body).unwrap();
                let mut noted = noted.lock().unwrap();
                for (table, action) in actions(operation, &body) {
                    noted.entry(table).or_default().insert(action);
                }
            }
            Action::Forward
        };
        let endpoint = proxy::start_with_bodies(upstream, note).await;
        Self { endpoint, used }
    }

    /// Runs a command and returns the rights that it used.
    async fn run(&self, command: &[&str]) -> Rights {
        self.run_to(0, command).await
    }

    async fn run_to(&self, code: i32, command: &[&str]) -> Rights {
        let output = run(&[&["--endpoint-url", &self.endpoint], command].concat()).await;
        assert_eq!(output.code, code, "{command:?}: {output:?}");
        std::mem::take(&mut *self.used.lock().unwrap())
    }
}

/// Returns the actions that a request needs, each with its table.
fn actions(operation: &str, body: &Value) -> Vec<(&'static str, String)> {
    if operation != "TransactWriteItems" {
        return vec![(table(&body["TableName"]), operation.to_owned())];
    }
    let items = body["TransactItems"].as_array().unwrap().iter();
    items
        .map(|item| {
            let (kind, write) = item.as_object().unwrap().iter().next().unwrap();
            (table(&write["TableName"]), format!("{kind}Item"))
        })
        .collect()
}

fn table(name: &Value) -> &'static str {
    TABLES
        .iter()
        .find(|(_, table)| name == table)
        .unwrap_or_else(|| panic!("unknown table {name}"))
        .0
}

/// Returns the rights of each command in the document's table.
fn documented() -> BTreeMap<&'static str, Rights> {
    let (_, section) = DOCUMENT.split_once("\n## Rights\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut rights = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (commands, cells) = cells.split_first().unwrap();
        assert_eq!(cells.len(), TABLES.len(), "{line}");
        let of_row: Rights = TABLES
            .iter()
            .zip(cells)
            .filter(|(_, cell)| !cell.is_empty())
            .map(|((table, _), cell)| (*table, cell.split(", ").map(str::to_owned).collect()))
            .collect();
        for command in commands.split(", ") {
            let earlier = rights.insert(command.trim_matches('`'), of_row.clone());
            assert!(earlier.is_none(), "{command} is listed twice");
        }
    }
    rights
}

/// The commands with the names that the document gives them, each after the setup that the earlier ones leave.
const COMMANDS: &[(&str, &[&str])] = &[
    ("user show", &["user", "show", "ann"]),
    ("user find", &["user", "find", "ann"]),
    ("user list", &["user", "list"]),
    ("superuser list", &["superuser", "list"]),
    ("sessions list", &["sessions", "list", "ann"]),
    ("limits show", &["limits", "show", "ann@example.com"]),
    ("limits show", &["limits", "show", "127.0.0.1"]),
    (
        "superuser grant",
        &["superuser", "grant", "ann", "--force", "--yes"],
    ),
    ("superuser revoke", &["superuser", "revoke", "ann", "--yes"]),
    ("user add-role", &["user", "add-role", "ann", "a", "--yes"]),
    (
        "user remove-role",
        &["user", "remove-role", "ann", "a", "--yes"],
    ),
    ("user sign-out", &["user", "sign-out", "ann", "--yes"]),
    ("sessions end", &["sessions", "end", "ann", "--yes"]),
    ("user disable", &["user", "disable", "ann", "--yes"]),
    ("user enable", &["user", "enable", "ann", "--yes"]),
    ("user send-reset", &["user", "send-reset", "ann", "--yes"]),
    ("mails show", &["mails", "show", "ann"]),
    ("mails replay", &["mails", "replay", "ann"]),
    ("limits clear", &["limits", "clear", "ann@example.com"]),
    ("limits clear", &["limits", "clear", "127.0.0.1"]),
    (
        "user set-email",
        &[
            "user",
            "set-email",
            "ann",
            "new@example.com",
            "--verified",
            "--yes",
        ],
    ),
    ("keys show", &["keys", "show"]),
    ("keys rotate", &["keys", "rotate"]),
    ("audit", &["audit", "--user", "ann"]),
    ("user delete", &["user", "delete", "ann", "--yes"]),
];

#[tokio::test]
async fn the_rights_are_those_that_commands_use() {
    // SES cannot be reached, so that there are mails to replay.
    let latchkey = Latchkey::with(&[("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")], true).await;
    let ann = latchkey.sign_up("ann").await;
    latchkey.verify(ann.id).await;
    // So that there are counts to clear.
    latchkey.log_in("ann", "wrong password").await;
    let observed = Observed::start(&latchkey).await;
    let mut used: BTreeMap<&str, Rights> = BTreeMap::new();
    let mut note = |command: &'static str, rights: Rights| {
        for (table, actions) in rights {
            let of_command = used.entry(command).or_default();
            of_command.entry(table).or_default().extend(actions);
        }
    };
    for (name, command) in COMMANDS {
        note(name, observed.run(command).await);
    }
    let keys = latchkey.json(&["keys", "show"]).await;
    let kid = keys["keys"][0]["kid"].as_str().unwrap();
    note("keys revoke", observed.run(&["keys", "revoke", kid]).await);

    let aged = sign_up_aged(&latchkey).await;
    note("check --repair", observed.run(&["check", "--repair"]).await);
    note("check", observed.run(&["check"]).await);

    back_up_and_delete(&latchkey, "quentin").await;
    note("restore", observed.run(&["restore", RESTORED]).await);
    let restored = latchkey.tables.delete_table().table_name(RESTORED);
    restored.send().await.unwrap();
    back_up_and_delete(&latchkey, "rebecca").await;
    // A missing marker and an orphaned one.
    let marker = latchkey.tables.delete_item().table_name(RESTORED);
    let key = AttributeValue::S("username#ann".to_owned());
    marker.key("pk", key).send().await.unwrap();
    let number = AttributeValue::N(aged.to_string());
    latchkey
        .set(RESTORED, "username#orphaned", "id", number)
        .await;
    let restore = ["restore", RESTORED, "--repair"];
    note("restore --repair", observed.run(&restore).await);

    note("smoke", observed_smoke().await);
    note("smoke", observed_clean_up().await);

    assert_eq!(used, documented());
}

/// Makes a backup with a user of this name who is deleted afterwards.
async fn back_up_and_delete(latchkey: &Latchkey, name: &str) {
    latchkey.sign_up(name).await;
    recover(latchkey).await;
    latchkey.json(&["user", "delete", name, "--yes"]).await;
}

/// Runs `smoke` against a deployment of its own, whose mails are sent.
async fn observed_smoke() -> Rights {
    let latchkey = Latchkey::start().await;
    let observed = Observed::start(&latchkey).await;
    observed.run(&["smoke", &latchkey.url()]).await
}

/// Runs `smoke` to a failure, after which it deletes its user in the tables.
async fn observed_clean_up() -> Rights {
    let latchkey = Latchkey::with(&[("LIMIT_WRONG_LOG_INS_PER_HOUR", "1")], true).await;
    latchkey.sign_up("ann").await;
    latchkey.log_in("ann", "wrong password").await;
    let observed = Observed::start(&latchkey).await;
    let command = ["smoke", &latchkey.url()];
    observed.run_to(1, &command).await
}

/// The policy in the document grants the union of the commands' rights, table by table.
#[test]
fn the_policy_grants_the_rights_of_the_table() {
    let (_, section) = DOCUMENT.split_once("\n## Rights\n").unwrap();
    let (_, policy) = section.split_once("```json\n").unwrap();
    let (policy, _) = policy.split_once("```").unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    let granted: BTreeMap<_, BTreeSet<_>> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let actions = statement["Action"].as_array().unwrap().iter();
            let actions = actions.map(|action| action.as_str().unwrap().to_owned());
            (statement["Sid"].as_str().unwrap(), actions.collect())
        })
        .collect();
    let mut needed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (table, actions) in documented().into_values().flatten() {
        let actions = actions.iter().map(|action| format!("dynamodb:{action}"));
        needed.entry(table).or_default().extend(actions);
    }
    assert_eq!(granted, needed);
}
