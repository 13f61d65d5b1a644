//! The permissions of every function in one table, compared with the policies in template.yaml and with the calls that the
//! functions make, since nothing on this machine enforces IAM.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::LazyLock,
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use shared::lambda::WarmUp;

use crate::support::{
    access_tokens::access_token,
    app::{OTHER_PASSWORD, PASSWORD, TestApp, key_in},
    authorizer::assert_accepted,
    paths::{DELETE_ACCOUNT, RESEND_CONFIRMATION, REVERT_EMAIL},
    proxy::{Access, FaultAction, error},
    repository::read_yaml,
    response::problem,
    tables::USERS,
};

/// The permissions: function, resource, keys or condition, and actions.
///
/// Parameters of the template are written by name. `*` as the function means every function.
const RIGHTS: &str = "
    authorize                KeysTable              jwks                             dynamodb:GetItem
    authorize                KeysTable              access_jwks                      dynamodb:GetItem
    authorize                UsersTable             user#*                           dynamodb:GetItem

    confirm_email            KeysTable              jwks                             dynamodb:GetItem
    confirm_email            UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem
    confirm_email            UsersTable             email#*                          dynamodb:PutItem dynamodb:DeleteItem
    confirm_email            TransientTable         mail#email_changed#*             dynamodb:PutItem
    confirm_email            TransientTable         confirm#*                        dynamodb:GetItem dynamodb:DeleteItem
    confirm_email            TransientTable         mail#confirm_email#*             dynamodb:GetItem dynamodb:PutItem
    confirm_email            CountersTable          limit#reset_password_complete#*  dynamodb:GetItem dynamodb:UpdateItem
    confirm_email            EventsTable            event#*                          dynamodb:PutItem

    delete_account           KeysTable              jwks                             dynamodb:GetItem
    delete_account           UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem dynamodb:DeleteItem
    delete_account           UsersTable             email#*                          dynamodb:DeleteItem
    delete_account           UsersTable             username#*                       dynamodb:DeleteItem
    delete_account           TransientTable         reset#*                          dynamodb:DeleteItem
    delete_account           TransientTable         confirm#*                        dynamodb:DeleteItem
    delete_account           TransientTable         mail#reset_password#*            dynamodb:DeleteItem
    delete_account           TransientTable         mail#confirm_email#*             dynamodb:DeleteItem
    delete_account           TransientTable         mail#account_deleted#*           dynamodb:PutItem
    delete_account           AuditTable             deleted#*                        dynamodb:PutItem
    delete_account           EventsTable            event#*                          dynamodb:PutItem

    get_user                 KeysTable              jwks                             dynamodb:GetItem
    get_user                 UsersTable             user#*                           dynamodb:GetItem

    jwks                     KeysTable              jwks                             dynamodb:GetItem
    jwks                     KeysTable              access_jwks                      dynamodb:GetItem

    log_in                   KeysTable              signing                          dynamodb:GetItem dynamodb:PutItem
    log_in                   KeysTable              jwks                             dynamodb:GetItem dynamodb:PutItem
    log_in                   UsersTable             email#*                          dynamodb:GetItem
    log_in                   UsersTable             username#*                       dynamodb:GetItem
    log_in                   UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem
    log_in                   TransientTable         mail#confirm_email#*             dynamodb:GetItem dynamodb:PutItem
    log_in                   CountersTable          limit#log_in#*                   dynamodb:GetItem dynamodb:UpdateItem
    log_in                   CountersTable          limit#unknown_name#*             dynamodb:GetItem dynamodb:UpdateItem

    log_out                  KeysTable              jwks                             dynamodb:GetItem
    log_out                  UsersTable             user#*                           dynamodb:UpdateItem

    publish                  UsersTable             user#*                           dynamodb:GetItem
    publish                  EventsTable            -                                dynamodb:Scan
    publish                  EventsTable            event#*                          dynamodb:DeleteItem
    publish                  EventsTable.StreamArn  -                                dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
    publish                  *                      -                                dynamodb:ListStreams
    publish                  event-bus/${EventBusName}  -                            events:PutEvents

    reset_password           UsersTable             email#*                          dynamodb:GetItem
    reset_password           UsersTable             user#*                           dynamodb:GetItem
    reset_password           TransientTable         mail#reset_password#*            dynamodb:GetItem dynamodb:PutItem
    reset_password           TransientTable         void#reset_password#*            dynamodb:GetItem dynamodb:PutItem
    reset_password           CountersTable          limit#reset_password#*           dynamodb:GetItem dynamodb:UpdateItem

    reset_password_complete  UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem
    reset_password_complete  TransientTable         reset#*                          dynamodb:GetItem dynamodb:DeleteItem
    reset_password_complete  TransientTable         mail#password_changed#*          dynamodb:PutItem
    reset_password_complete  CountersTable          limit#reset_password_complete#*  dynamodb:GetItem dynamodb:UpdateItem
    reset_password_complete  EventsTable            event#*                          dynamodb:PutItem

    revert_email             UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem
    revert_email             UsersTable             email#*                          dynamodb:PutItem dynamodb:DeleteItem
    revert_email             TransientTable         revert#*                         dynamodb:GetItem dynamodb:DeleteItem
    revert_email             TransientTable         mail#password_changed#*          dynamodb:PutItem
    revert_email             CountersTable          limit#reset_password_complete#*  dynamodb:GetItem dynamodb:UpdateItem
    revert_email             EventsTable            event#*                          dynamodb:PutItem

    send_mail                UsersTable             user#*                           dynamodb:GetItem
    send_mail                TransientTable         mail#*                           dynamodb:GetItem dynamodb:UpdateItem
    send_mail                TransientTable         confirm#*                        dynamodb:GetItem dynamodb:PutItem
    send_mail                TransientTable         reset#*                          dynamodb:GetItem dynamodb:PutItem
    send_mail                TransientTable         revert#*                         dynamodb:PutItem
    send_mail                CountersTable          limit#mail#*                     dynamodb:GetItem dynamodb:UpdateItem
    send_mail                TransientTable.StreamArn  -                              dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator
    send_mail                *                      -                                dynamodb:ListStreams
    send_mail                identity/*             from=MailFromAddress             ses:SendEmail
    send_mail                configuration-set/${ConfigurationSet}  from=MailFromAddress  ses:SendEmail
    send_mail                schedule/${MailRetries}/*  -                            scheduler:CreateSchedule scheduler:DeleteSchedule
    send_mail                MailRetryRole          to=scheduler.amazonaws.com       iam:PassRole
    send_mail                MailFailureQueue       -                                sqs:SendMessage

    sessions                 KeysTable              jwks                             dynamodb:GetItem
    sessions                 UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem

    sign_up                  KeysTable              signing                          dynamodb:GetItem dynamodb:PutItem
    sign_up                  KeysTable              jwks                             dynamodb:GetItem dynamodb:PutItem
    sign_up                  UsersTable             user#*                           dynamodb:PutItem
    sign_up                  UsersTable             email#*                          dynamodb:PutItem
    sign_up                  UsersTable             username#*                       dynamodb:PutItem
    sign_up                  TransientTable         mail#confirm_email#*             dynamodb:PutItem
    sign_up                  CountersTable          limit#sign_up#*                  dynamodb:GetItem dynamodb:UpdateItem
    sign_up                  EventsTable            event#*                          dynamodb:PutItem

    token                    KeysTable              jwks                             dynamodb:GetItem
    token                    KeysTable              access_signing                   dynamodb:GetItem dynamodb:PutItem
    token                    KeysTable              access_jwks                      dynamodb:GetItem dynamodb:PutItem
    token                    UsersTable             user#*                           dynamodb:GetItem

    update_details           KeysTable              jwks                             dynamodb:GetItem
    update_details           UsersTable             user#*                           dynamodb:GetItem dynamodb:UpdateItem
    update_details           UsersTable             email#*                          dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem
    update_details           TransientTable         mail#password_changed#*          dynamodb:PutItem
    update_details           TransientTable         mail#email_changed#*             dynamodb:PutItem
    update_details           TransientTable         mail#email_change_requested#*    dynamodb:PutItem
    update_details           TransientTable         mail#confirm_email#*             dynamodb:GetItem dynamodb:PutItem
    update_details           CountersTable          limit#taken#*                    dynamodb:GetItem dynamodb:UpdateItem
    update_details           EventsTable            event#*                          dynamodb:PutItem

    *                        its own log            -                                logs:CreateLogStream logs:PutLogEvents
    *                        *                      -                                xray:PutTraceSegments xray:PutTelemetryRecords
";

/// Resources and actions whose use the tests cannot observe, with the reason.
const NOT_SEEN: [(&str, &str); 12] = [
    (
        "TransientTable.StreamArn",
        "Lambda reads the stream in the role's name",
    ),
    (
        "EventsTable.StreamArn",
        "Lambda reads the stream in the role's name",
    ),
    (
        "dynamodb:Scan",
        "a scan has no key: the events that the schedule publishes prove it",
    ),
    (
        "events:PutEvents",
        "EventBridge is called at its own endpoint: the events there prove it",
    ),
    (
        "dynamodb:ListStreams",
        "Lambda looks for the stream in the role's name",
    ),
    (
        "schedule/${MailRetries}/*",
        "EventBridge Scheduler is called at its own endpoint: the retries there prove it",
    ),
    (
        "MailRetryRole",
        "the schedules name the role, which the development server checks",
    ),
    (
        "MailFailureQueue",
        "Lambda hands over in the role's name what it gave up",
    ),
    (
        "ses:SendEmail",
        "SES is asked to its own endpoint: the mails there prove it",
    ),
    (
        "its own log",
        "Lambda writes in the role's name what a function prints",
    ),
    (
        "xray:PutTraceSegments",
        "Lambda sends traces with the role's permissions",
    ),
    (
        "xray:PutTelemetryRecords",
        "Lambda sends traces with the role's permissions",
    ),
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    function: String,
    resource: String,
    keys: String,
    action: String,
}

impl Right {
    fn covers(&self, call: &Access) -> bool {
        let is_of_keys = match self.keys.strip_suffix('*') {
            Some(beginning) => call.key.starts_with(beginning),
            None => call.key == self.keys,
        };
        let is_of_action = self.action.strip_prefix("dynamodb:") == Some(&call.action);
        self.function == call.function && self.resource == call.table && is_of_action && is_of_keys
    }

    fn is_seen(&self) -> bool {
        let hidden = |(what, _): &(&str, &str)| self.resource == *what || self.action == *what;
        !NOT_SEEN.iter().any(hidden)
    }
}

fn rights() -> BTreeSet<Right> {
    let functions = policies().into_keys().collect::<Vec<_>>();
    let lines = RIGHTS.lines().filter(|line| !line.trim().is_empty());
    let rights = lines.flat_map(|line| {
        let cells: Vec<_> = line.split("  ").map(str::trim).collect();
        let cells: Vec<_> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
        let [function, resource, keys, actions] = cells[..] else {
            panic!("four columns: {line}");
        };
        let holders = match function {
            "*" => functions.clone(),
            one => vec![one.to_owned()],
        };
        let of = move |function: String| {
            actions.split(' ').map(move |action| Right {
                function: function.clone(),
                resource: resource.to_owned(),
                keys: keys.to_owned(),
                action: action.to_owned(),
            })
        };
        holders.into_iter().flat_map(of).collect::<Vec<_>>()
    });
    rights.collect()
}

/// All permissions as a table, with the note that `note` returns for each.
fn matrix(rights: &BTreeSet<Right>, note: impl Fn(&Right) -> Option<&'static str>) -> String {
    let mut text = String::new();
    for right in rights {
        let mark = note(right).map(|note| format!("  <== {note}"));
        writeln!(
            text,
            "{:24} {:38} {:32} {:26}{}",
            right.function,
            right.resource,
            right.keys,
            right.action,
            mark.unwrap_or_default()
        )
        .unwrap();
    }
    text
}

/// Fails if one of `calls` needed a permission that its function does not have. Calls by the tests themselves are ignored.
pub fn check(calls: &BTreeSet<Access>) {
    let rights = rights();
    let is_function = |name: &str| rights.iter().any(|right| right.function == name);
    let refused: BTreeSet<_> = calls
        .iter()
        .filter(|call| is_function(&call.function))
        .filter(|call| !rights.iter().any(|right| right.covers(call)))
        .map(|call| Right {
            function: call.function.clone(),
            resource: call.table.clone(),
            keys: call.key.clone(),
            action: format!("dynamodb:{}", call.action),
        })
        .collect();
    let all = &rights | &refused;
    let note = |right: &Right| refused.contains(right).then_some("a call without a right");
    assert!(refused.is_empty(), "\n{}", matrix(&all, note));
}

/// template.yaml as plain data: an intrinsic function is its argument.
static TEMPLATE: LazyLock<Value> = LazyLock::new(|| read_yaml("template.yaml"));

/// A function's role in the template.
struct Policy {
    role: String,
    path: String,
    statements: Vec<Value>,
}

fn policies() -> BTreeMap<String, Policy> {
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    let is_function = |resource: &Value| resource["Type"] == "AWS::Serverless::Function";
    let functions = resources.values().filter(|resource| is_function(resource));
    let policies = functions.map(|function| {
        let name = function["Metadata"]["BuildProperties"]["Binary"].as_str();
        let role = function["Properties"]["Role"].as_str().unwrap();
        let role = role.strip_suffix(".Arn").unwrap();
        let properties = &resources[role]["Properties"];
        assert!(properties["ManagedPolicyArns"].is_null(), "{role}");
        let policies = properties["Policies"].as_array().unwrap().iter();
        let policy = Policy {
            role: role.to_owned(),
            path: properties["Path"].as_str().unwrap().to_owned(),
            statements: policies
                .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
                .map(|statement| match statement {
                    // `!If [Condition, statement, !Ref AWS::NoValue]`
                    Value::Array(choice) => choice[1].clone(),
                    statement => statement.clone(),
                })
                .collect(),
        };
        (name.unwrap().to_owned(), policy)
    });
    policies.collect()
}

/// The permissions that a statement of a role's policy grants.
fn granted(function: &str, role: &str, statement: &Value) -> Vec<Right> {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    let fields = statement.as_object().unwrap().keys();
    let others: Vec<_> = fields
        .filter(|field| !known.contains(&field.as_str()))
        .collect();
    assert!(
        others.is_empty(),
        "{function} has {others:?} in {statement}"
    );
    assert_eq!(statement["Effect"], "Allow", "{function}: {statement}");
    let own_log = format!("{}Log.Arn", role.strip_suffix("Role").unwrap());
    // Resources of the stack are referred to by name, and existing ones by ARN: `table/${UsersTableName}` is UsersTable,
    // and so is the table that it replaces.
    let resource = |text: &str| {
        let of_account = text.rsplit("${AWS::AccountId}:").next().unwrap();
        let named = of_account
            .strip_prefix("table/${")
            .and_then(|name| name.strip_suffix("Name}"))
            .map(|name| name.strip_prefix("Previous").unwrap_or(name));
        match text.split_once('.') {
            _ if text == own_log => "its own log",
            Some((name, "Arn")) => name,
            _ => named.unwrap_or(of_account),
        }
        .to_owned()
    };
    let mut rights = vec![];
    for text in texts(&statement["Resource"]) {
        for keys in conditions(&statement["Condition"]) {
            for action in texts(&statement["Action"]) {
                rights.push(Right {
                    function: function.to_owned(),
                    resource: resource(&text),
                    keys: keys.clone(),
                    action,
                });
            }
        }
    }
    rights
}

/// The strings of a value: one, those of a list, or both of `!If [Condition, one, other]`.
fn texts(value: &Value) -> Vec<String> {
    let is_condition = |value: &Value| {
        let name = value.as_str().unwrap_or_default();
        TEMPLATE["Conditions"].get(name).is_some()
    };
    match value {
        Value::Array(list) => {
            let values = list.iter().filter(|value| !is_condition(value));
            values.flat_map(texts).collect()
        }
        nothing if nothing == "AWS::NoValue" => vec![],
        text => vec![text.as_str().unwrap().to_owned()],
    }
}

fn conditions(condition: &Value) -> Vec<String> {
    let keys = &condition["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"];
    let sender = &condition["StringEquals"]["ses:FromAddress"];
    let service = &condition["StringEquals"]["iam:PassedToService"];
    let is_alone = |outer: &Value| {
        let lengths = [condition, outer].map(|level| level.as_object().map(serde_json::Map::len));
        lengths == [Some(1), Some(1)]
    };
    if condition.is_null() {
        vec!["-".to_owned()]
    } else if keys.is_array() && is_alone(&condition["ForAnyValue:StringLike"]) {
        texts(keys)
    } else if sender.is_string() && is_alone(&condition["StringEquals"]) {
        vec![format!("from={}", sender.as_str().unwrap())]
    } else if service.is_string() && is_alone(&condition["StringEquals"]) {
        vec![format!("to={}", service.as_str().unwrap())]
    } else {
        vec![condition.to_string()]
    }
}

mod case_43_permissions {
    use super::*;

    #[test]
    fn the_template_grants_exactly_the_table() {
        let table = rights();
        let granted: BTreeSet<_> = policies()
            .iter()
            .flat_map(|(function, policy)| {
                let of = |statement| granted(function, &policy.role, statement);
                policy.statements.iter().flat_map(of).collect::<Vec<_>>()
            })
            .collect();
        let note = |right: &Right| match (table.contains(right), granted.contains(right)) {
            (true, false) => Some("not in template.yaml"),
            (false, true) => Some("in template.yaml only"),
            _ => None,
        };
        assert!(table == granted, "\n{}", matrix(&(&table | &granted), note));
    }

    #[test]
    fn optional_policies_have_the_required_roles() {
        let (policies, rights) = (policies(), rights());
        let roles_of = |policy: &str| {
            let roles = texts(&TEMPLATE["Resources"][policy]["Properties"]["Roles"]);
            roles.into_iter().collect::<BTreeSet<_>>()
        };
        let of_keys = rights.iter().filter(|right| right.resource == "KeysTable");
        let of_keys = of_keys.map(|right| policies[&right.function].role.clone());
        assert_eq!(roles_of("KeysKmsPolicy"), of_keys.collect());
    }

    /// The keys table denies access to the private keys of a kind of token to every role outside the kind's path.
    #[test]
    fn only_signers_may_use_the_private_key() {
        let rights = rights();
        let policies = policies();
        for (item, path, expected) in [
            ("signing", "/signers/", vec!["log_in", "sign_up"]),
            ("access_signing", "/access_signers/", vec!["token"]),
        ] {
            let private = |right: &&Right| right.resource == "KeysTable" && right.keys == item;
            let touching: BTreeSet<_> = rights
                .iter()
                .filter(private)
                .map(|right| right.function.as_str())
                .collect();
            assert_eq!(touching, expected.into_iter().collect());
            let signers = policies
                .iter()
                .filter(|(_, policy)| policy.path.ends_with(path));
            let signers: BTreeSet<_> = signers.map(|(function, _)| function.as_str()).collect();
            assert_eq!(signers, touching);
            let statements = &TEMPLATE["Resources"]["KeysTable"]["Properties"]["ResourcePolicy"];
            let statements = &statements["PolicyDocument"]["Statement"];
            let denial = statements.as_array().unwrap().iter().find(|statement| {
                statement["Condition"]["ForAnyValue:StringEquals"]["dynamodb:LeadingKeys"] == item
            });
            let exempt = &denial.unwrap()["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
            let role = exempt[0].as_str().unwrap();
            assert!(role.ends_with(&format!("{path}*")), "{item}: {role}");
        }
    }

    #[test]
    fn warm_up_calls_are_permitted() {
        let openings = [
            ("authorize", authorize::WARM_UP),
            ("delete_account", delete_account::WARM_UP),
            ("get_user", get_user::WARM_UP),
            ("jwks", jwks::WARM_UP),
            ("log_in", log_in::WARM_UP),
            ("confirm_email", confirm_email::WARM_UP),
            ("log_out", log_out::WARM_UP),
            ("revert_email", revert_email::WARM_UP),
            ("sessions", sessions::WARM_UP),
            ("pages", pages::WARM_UP),
            ("publish", publish::WARM_UP),
            ("reset_password", reset_password::WARM_UP),
            ("reset_password_complete", reset_password_complete::WARM_UP),
            ("send_mail", send_mail::WARM_UP),
            ("sign_up", sign_up::WARM_UP),
            ("token", token::WARM_UP),
            ("update_details", update_details::WARM_UP),
        ];
        let uses = openings.iter().flat_map(|(function, opening)| {
            let calls: &[_] = match opening {
                WarmUp::PublicKeys => &[("GetItem", "KeysTable", "jwks")],
                WarmUp::SigningKey => &[
                    ("GetItem", "KeysTable", "signing"),
                    ("GetItem", "KeysTable", "jwks"),
                    ("PutItem", "KeysTable", "signing"),
                    ("PutItem", "KeysTable", "jwks"),
                ],
                WarmUp::AccessSigningKey => &[
                    ("GetItem", "KeysTable", "access_signing"),
                    ("GetItem", "KeysTable", "access_jwks"),
                    ("PutItem", "KeysTable", "access_signing"),
                    ("PutItem", "KeysTable", "access_jwks"),
                ],
                WarmUp::Users => &[("GetItem", "UsersTable", "user#0")],
                WarmUp::Nothing => &[],
            };
            calls.iter().map(|(action, table, key)| Access {
                function: (*function).to_owned(),
                action: (*action).to_owned(),
                table: (*table).to_owned(),
                key: (*key).to_owned(),
            })
        });
        check(&uses.collect());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_permission_is_used_and_sufficient() {
        let shown =
            TestApp::with_settings(&[("EventBusName", "events"), ("EventsWithEmail", "true")])
                .await;
        accounts(&shown).await;
        confirmations(&shown).await;
        resets(&shown).await;
        keys(&shown).await;
        deletion(&shown).await;
        let hidden = TestApp::with_settings(&[("REVEAL_UNKNOWN_EMAILS", "false")]).await;
        for _ in 0..2 {
            assert_eq!(hidden.request_reset("nobody@example.com").await.status, 200);
        }
        let strict = TestApp::with_settings(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
        strict.sign_up("anna").await;
        strict.advance(Duration::from_secs(121));
        assert_eq!(strict.log_in("anna", PASSWORD).await.status, 403);
        let calls = &shown.proxy.accesses() | &hidden.proxy.accesses();
        let settings = [("CONFIRM_EMAIL_CHANGE", "true"), ("REVERT_LINK_BASE", "")];
        let pending = TestApp::with_settings(&settings).await;
        pending_addresses(&pending).await;
        let calls = &calls | &strict.proxy.accesses();
        let calls = &calls | &pending.proxy.accesses();
        check(&calls);
        let rights = rights();
        let unused: BTreeSet<_> = rights
            .iter()
            .filter(|right| right.is_seen() && !calls.iter().any(|call| right.covers(call)))
            .collect();
        let note = |right: &Right| unused.contains(right).then_some("no call used it");
        assert!(unused.is_empty(), "\n{}", matrix(&rights, note));
    }
}

/// Sign-ups, log-ins, log-outs, wrong passwords, and every kind of change with its notices.
async fn accounts(app: &TestApp) {
    let john = app.sign_up("john").await;
    let again = json!({"username": "john", "email": "other@example.com", "password": PASSWORD});
    assert_eq!(app.post("/auth/signup", &again).await.status, 400);
    let jane = app.sign_up("jane").await;
    assert_eq!(app.details(&john).await.status, 200);
    app.tables().make_superuser(jane.id).await;
    let of_john = format!("/api/users/{}", john.id);
    assert_eq!(app.get(&of_john, &jane.token).await.status, 200);
    for name in ["john", "john@example.com"] {
        let token = app.token(name, PASSWORD).await;
        assert_eq!(app.log_out(&token).await.status, 204);
    }
    let sessions = |method, path: &str, token: &str| {
        let request = app.request(method, path);
        app.send(request.header("authorization", format!("Bearer {token}")))
    };
    let token = app.token("john", PASSWORD).await;
    let list = sessions(Method::GET, "/auth/sessions", &token).await;
    let id = list.json()["sessions"][1]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = format!("/auth/sessions/{}", "0".repeat(32));
    assert_eq!(sessions(Method::DELETE, &other, &token).await.status, 404);
    assert_eq!(id.len(), 32);
    for name in ["john", "nobody", "nobody@example.com"] {
        assert_eq!(app.log_in(name, "wrong password").await.status, 401);
    }
    let update = async |body: Value| app.update(&john.token, &body).await.status;
    let change = async |fields: Value| app.change(&john.token, fields).await.status;
    let wrong = json!({"current-password": "wrong password", "last_name": "Doe"});
    assert_eq!(change(json!({"first_name": "John"})).await, 200);
    assert_eq!(update(wrong).await, 400);
    assert_eq!(change(json!({"email": "jane@example.com"})).await, 400);
    assert_eq!(change(json!({"email": "j@example.com"})).await, 200);
    assert_eq!(change(json!({"email": "john@example.com"})).await, 200);
    assert_eq!(change(json!({"password": OTHER_PASSWORD})).await, 200);
    assert_eq!(app.unread_mails().len(), 3);
}

/// Confirmation links that are used and requested again, and a change of address that is reverted.
async fn confirmations(app: &TestApp) {
    let user = app.sign_up("anna").await;
    app.advance(Duration::from_secs(121));
    let resend = app
        .request(Method::POST, RESEND_CONFIRMATION)
        .header("authorization", format!("Bearer {}", user.token));
    assert_eq!(app.send(resend).await.status, 200);
    app.confirm(&user).await;
    let change = json!({"email": "new@example.com"});
    assert_eq!(app.change(&user.token, change).await.status, 200);
    let body = json!({
        "key": key_in(&app.mail()), "new_password": OTHER_PASSWORD, "password_confirmation": OTHER_PASSWORD,
    });
    assert_eq!(app.post(REVERT_EMAIL, &body).await.status, 201);
    app.mail();
}

/// A change of address that takes effect once it is confirmed.
async fn pending_addresses(app: &TestApp) {
    let user = app.sign_up("anna").await;
    app.confirm(&user).await;
    let change = json!({"email": "new@example.com"});
    assert_eq!(app.change(&user.token, change).await.status, 200);
    let key = app.confirmation_key("new@example.com");
    assert_eq!(app.confirm_with(&key).await.status, 200);
    assert_eq!(app.unread_mails().len(), 2);
}

/// Reset links that are replaced, dropped, rejected, used and limited.
async fn resets(app: &TestApp) {
    let cool_down = Duration::from_secs(121);
    assert_eq!(app.request_reset("nobody@example.com").await.status, 404);
    let first = app.reset_token("john@example.com").await;
    assert_eq!(app.request_reset("john@example.com").await.status, 200);
    app.advance(cool_down);
    let second = app.reset_token("john@example.com").await;
    assert_eq!(app.complete(&first, PASSWORD).await.status, 400);
    assert_eq!(app.complete(&second, PASSWORD).await.status, 201);
    assert_eq!(app.complete(&second, PASSWORD).await.status, 400);
    app.mail();
    // `send_mail` finds that the user was deleted and records it.
    app.advance(cool_down);
    let users = app.tables();
    let max = app.sign_up("max").await;
    app.proxy.rule(|call| match call.function.as_str() {
        "send_mail" => error(400, "ThrottlingException"),
        _ => FaultAction::Forward,
    });
    assert_eq!(app.request_reset("max@example.com").await.status, 200);
    users.delete(USERS, &format!("user#{}", max.id)).await;
    app.proxy.heal();
    app.server.drain().await;
    assert!(app.unread_mails().is_empty());
    for _ in 0..60 {
        app.complete("1-0", PASSWORD).await;
    }
    let limited = app.complete("1-0", PASSWORD).await;
    assert_eq!(limited.problem(), problem(429, "too_many_requests"));
}

/// An account that is deleted after a wrong password.
async fn deletion(app: &TestApp) {
    let leaver = app.sign_up("leaver").await;
    app.confirm(&leaver).await;
    for (password, status) in [("wrong password", 400), (PASSWORD, 204)] {
        let request = app
            .request(Method::POST, DELETE_ACCOUNT)
            .header("authorization", format!("Bearer {}", leaver.token))
            .json(&json!({"current-password": password}));
        assert_eq!(app.send(request).await.status, status);
    }
    app.mail();
}

/// Each signer rotates a key that is too old.
async fn keys(app: &TestApp) {
    let month = Duration::from_hours(31 * 24);
    app.advance(month);
    app.token("jane", PASSWORD).await;
    app.advance(month);
    let late = app.sign_up("late").await;
    let access = access_token(app, &late.token).await;
    for token in [&late.token, &access] {
        assert_accepted(app, "authorize", late.id, token).await;
    }
    let keys = app.get("/.well-known/jwks.json", &late.token).await;
    assert_eq!(keys.status, 200);
}
