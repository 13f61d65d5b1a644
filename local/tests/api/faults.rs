//! Families 36 to 39: what a client sees while DynamoDB throttles, refuses, hangs, collides or loses an answer, and that
//! a request then took place once or not at all.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, fault, problem, token_in},
    proxy::{Call, Fate, cancelled, error, refused_by},
    tables::Tables,
};

/// A client is told before its own patience, or the function's time, is at an end.
pub const LONGEST: Duration = Duration::from_secs(10);

/// The requests that write by operations of their own.
pub const ALONE: [&str; 4] = ["log_in", "change_name", "reset_password", "log_out"];

/// The requests that write by a transaction.
pub const TOGETHER: [&str; 4] = [
    "sign_up",
    "change_password",
    "change_email",
    "reset_password_complete",
];

pub type Sent<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A user who is about to do everything there is, once.
pub struct Scene {
    pub app: TestApp,
    pub user: SessionResponse,
    /// From a mail that was sent already.
    pub reset_token: String,
}

/// The requests of a [`Scene`], by name, with the status that each is answered by if all goes well.
const REQUESTS: [(&str, u16); 9] = [
    ("sign_up", 201),
    ("log_in", 200),
    ("get_user", 200),
    ("change_name", 200),
    ("change_password", 200),
    ("change_email", 200),
    ("reset_password", 200),
    ("reset_password_complete", 201),
    ("log_out", 204),
];

impl Scene {
    pub async fn set() -> Self {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let reset_token = app.reset_token("john@example.com").await;
        // Every function has read the keys that it needs, as it does before its first request.
        assert_eq!(app.details(&user).await.status, 200);
        let token = app.token("john", PASSWORD).await;
        assert_eq!(app.log_out(&token).await.status, 204);
        let change = json!({"current-password": PASSWORD, "first_name": "John"});
        assert_eq!(app.update(&user.token, &change).await.status, 200);
        // A reset can be asked for again.
        app.advance(Duration::from_mins(2));
        app.server.drain().await;
        app.proxy.calls();
        Self {
            app,
            user,
            reset_token,
        }
    }

    pub fn request<'a>(&'a self, name: &str) -> Sent<'a> {
        let (app, token) = (&self.app, self.user.token.as_str());
        match name {
            "sign_up" => Box::pin(async {
                let body =
                    json!({"username": "jane", "email": "jane@example.com", "password": PASSWORD});
                app.post("/auth/signup", &body).await
            }),
            "log_in" => Box::pin(app.log_in("john", PASSWORD)),
            "get_user" => Box::pin(app.details(&self.user)),
            "change_name" => Box::pin(update(app, token, json!({"first_name": "Johnny"}))),
            "change_password" => Box::pin(update(app, token, json!({"password": OTHER_PASSWORD}))),
            "change_email" => Box::pin(update(app, token, json!({"email": "new@example.com"}))),
            "reset_password" => Box::pin(app.request_reset("john@example.com")),
            "reset_password_complete" => Box::pin(app.complete(&self.reset_token, OTHER_PASSWORD)),
            "log_out" => Box::pin(app.log_out(token)),
            other => panic!("no such request: {other}"),
        }
    }

    /// Everything in the tables but who asked how often.
    pub async fn everything(&self) -> Vec<Value> {
        let tables = Tables::of(&self.app);
        let mut all = tables.all("UsersTable").await;
        all.extend(tables.all("TransientTable").await);
        all.retain(|item| !key(item).starts_with("limit#"));
        all.sort_by_key(|item| key(item).to_owned());
        all
    }

    /// Checks for a 503 that says when to come back, after which all is as it was before.
    pub async fn check_unavailable(&self, name: &str, answer: &Answer, before: &[Value]) {
        assert_eq!(answer.problem(), problem(503, "unavailable"), "{name}");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{name}");
        assert_eq!(answer.text, UNAVAILABLE, "{name}");
        assert_eq!(self.everything().await, before, "{name}");
        assert!(self.app.unread().is_empty(), "{name}");
    }

    /// Checks that the request took place once, and reads the mails that it caused.
    pub async fn check_done(&self, name: &str, answer: &Answer) {
        let (app, user) = (&self.app, &self.user);
        let expected = REQUESTS.iter().find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(answer.status, expected, "{name}: {answer:?}");
        app.server.drain().await;
        let mails = app.unread();
        let told: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
        let tables = Tables::of(app);
        let record = tables.user(user.id).await;
        let sessions = record["sessions"].as_object().unwrap().len();
        let (mut version, mut sessions_left, mut subjects) = (2, 1, vec![]);
        match name {
            "sign_up" => {
                assert_eq!(tables.all("UsersTable").await.len(), 6);
                let body = answer.json();
                let path = format!("/api/users/{}", body["user"]["id"]);
                let read = app.get(&path, body["token"].as_str().unwrap()).await;
                assert_eq!((read.status, read.json()), (200, body["user"].clone()));
            }
            "log_in" => {
                sessions_left = 2;
                let token = answer.json()["token"].take();
                let path = format!("/api/users/{}", user.id);
                assert_eq!(app.get(&path, token.as_str().unwrap()).await.status, 200);
            }
            "get_user" => assert_eq!(answer.json()["first_name"], "John"),
            "change_name" => {
                version = 3;
                assert_eq!(record["first_name"], "Johnny");
                assert_eq!(answer.json()["first_name"], "Johnny");
            }
            "change_password" => {
                version = 3;
                subjects = vec!["Your Latchkey password was changed"];
                assert_eq!(app.details(user).await.status, 200);
                assert_eq!(app.log_in("john", PASSWORD).await.status, 401);
                app.token("john", OTHER_PASSWORD).await;
            }
            "change_email" => {
                version = 3;
                subjects = vec!["Your Latchkey e-mail address was changed"];
                assert_eq!(record["email"], "new@example.com");
                assert_eq!(tables.all("UsersTable").await.len(), 3);
                app.token("new@example.com", PASSWORD).await;
            }
            "reset_password" => {
                subjects = vec!["Reset your Latchkey password"];
                let token = token_in(&mails[0]);
                assert_eq!(app.complete(&token, OTHER_PASSWORD).await.status, 201);
                app.mail();
            }
            "reset_password_complete" => {
                (version, sessions_left) = (3, 0);
                subjects = vec!["Your Latchkey password was changed"];
                app.token("john", OTHER_PASSWORD).await;
                assert_eq!(app.complete(&self.reset_token, PASSWORD).await.status, 400);
            }
            "log_out" => {
                sessions_left = 0;
                assert_eq!(app.details(user).await.status, 401);
            }
            other => panic!("no such request: {other}"),
        }
        assert_eq!(told, subjects, "{name}");
        assert_eq!(
            (&record["version"], sessions),
            (&json!(version), sessions_left),
            "{name}"
        );
    }
}

const UNAVAILABLE: &str = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The service is temporarily unavailable. Try again.","code":"unavailable"}"#;

async fn update(app: &TestApp, token: &str, mut change: Value) -> Answer {
    change["current-password"] = json!(PASSWORD);
    app.update(token, &change).await
}

fn key(item: &Value) -> &str {
    item["pk"].as_str().unwrap()
}

/// Whether the call is about the item of a user, a mail or a token: neither counts by source nor reads keys.
pub fn is_central(call: &Call) -> bool {
    let other = |key: &str| key.starts_with("limit#");
    call.keys()
        .iter()
        .all(|(table, key)| table != "KeysTable" && !other(key))
}

/// Whether the call is a transaction.
pub fn is_transaction(call: &Call) -> bool {
    call.operation == "TransactWriteItems"
}

/// Whether the call is a write by itself.
pub fn is_alone(call: &Call) -> bool {
    call.is_write() && !is_transaction(call)
}

/// Has `fate` befall the first call that `choose` picks.
pub fn once_where(app: &TestApp, choose: impl Fn(&Call) -> bool + Send + 'static, fate: Fate) {
    let mut fate = Some(fate);
    app.proxy.rule(move |call| {
        if choose(call) {
            fate.take().unwrap_or(Fate::Pass)
        } else {
            Fate::Pass
        }
    });
}

/// Every request of `names` in a scene of its own, in which `spoil` has set up what goes wrong; all of them at once.
pub async fn every_request<F>(
    names: impl IntoIterator<Item = &'static str>,
    spoil: impl Fn(&Scene),
    check: impl Fn(Scene, &'static str, Answer, Vec<Value>) -> F,
) where
    F: Future<Output = ()>,
{
    join_all(names.into_iter().map(async |name| {
        let scene = Scene::set().await;
        let before = scene.everything().await;
        spoil(&scene);
        let began = Instant::now();
        let answer = scene.request(name).await;
        assert!(began.elapsed() < LONGEST, "{name}");
        check(scene, name, answer, before).await;
    }))
    .await;
}

pub fn all() -> impl Iterator<Item = &'static str> {
    REQUESTS.iter().map(|(name, _)| *name)
}

/// Every request is served although `fate` befalls the first call that `choose` picks.
pub async fn all_are_served(choose: fn(&Call) -> bool, fate: Fate) {
    are_served(all(), choose, fate).await;
}

/// The same, of `names` only.
pub async fn are_served(
    names: impl IntoIterator<Item = &'static str>,
    choose: fn(&Call) -> bool,
    fate: Fate,
) {
    every_request(
        names,
        |scene| once_where(&scene.app, choose, fate.clone()),
        async |scene, name, answer, _| scene.check_done(name, &answer).await,
    )
    .await;
}

/// Every request is answered 503, and nothing comes of it, while `rule` rules.
pub async fn none_is_served(rule: fn(&Call) -> Fate) {
    are_not_served(all(), rule).await;
}

/// The same, of `names` only.
pub async fn are_not_served(
    names: impl IntoIterator<Item = &'static str>,
    rule: fn(&Call) -> Fate,
) {
    every_request(
        names,
        |scene| scene.app.proxy.rule(rule),
        async |scene, name, answer, before| {
            scene.check_unavailable(name, &answer, &before).await;
            scene.app.proxy.heal();
            let answer = scene.request(name).await;
            scene.check_done(name, &answer).await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_everything_works() {
    all_are_served(|_| false, Fate::Pass).await;
}

mod case_36_unavailable {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn throttled_once_a_read_or_a_write_is_served() {
        let central_write = |call: &Call| call.is_write() && is_central(call);
        let read = |call: &Call| !call.is_write();
        all_are_served(central_write, error(400, "ThrottlingException")).await;
        all_are_served(read, error(400, "ProvisionedThroughputExceededException")).await;
        are_served(ALONE, Call::is_write, error(400, "RequestLimitExceeded")).await;
        are_served(TOGETHER, Call::is_write, error(500, "InternalServerError")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn throttled_for_ever_none_is_served_and_nothing_changes() {
        none_is_served(|_| error(400, "ProvisionedThroughputExceededException")).await;
        none_is_served(|call| {
            if is_central(call) {
                error(400, "ThrottlingException")
            } else {
                Fate::Pass
            }
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_expired_credentials_none_is_served_and_nothing_changes() {
        none_is_served(|_| error(400, "ExpiredTokenException")).await;
        none_is_served(|_| error(400, "UnrecognizedClientException")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_dynamodb_is_broken_none_is_served_and_nothing_changes() {
        none_is_served(|_| error(500, "InternalServerError")).await;
        none_is_served(|_| error(503, "ServiceUnavailable")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_connections_are_cut_none_is_served_and_nothing_changes() {
        none_is_served(|_| Fate::CutBefore).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_connections_are_refused_none_is_served_and_nothing_changes() {
        join_all(all().map(async |name| {
            let scene = Scene::set().await;
            let before = scene.everything().await;
            scene.app.proxy.refuse().await;
            let answer = scene.request(name).await;
            scene.check_unavailable(name, &answer, &before).await;
        }))
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_answers_take_ten_seconds_none_is_served_and_nothing_changes() {
        let slow = |rule: fn(&Call) -> Fate| {
            every_request(
                all(),
                move |scene| scene.app.proxy.rule(rule),
                async |scene, name, answer, before| {
                    scene.check_unavailable(name, &answer, &before).await;
                },
            )
        };
        let only_central: fn(&Call) -> Fate = |call| {
            if is_central(call) {
                Fate::Delay(LONGEST)
            } else {
                Fate::Pass
            }
        };
        tokio::join!(slow(|_| Fate::Delay(LONGEST)), slow(only_central));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_that_went_silent_is_given_up_and_the_request_served() {
        all_are_served(|_| true, Fate::Delay(LONGEST)).await;
    }
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_idle_connection_that_was_cut_costs_nobody_anything() {
        every_request(
            all(),
            |scene| scene.app.proxy.cut(),
            async |scene, name, answer, _| scene.check_done(name, &answer).await,
        )
        .await;
        // Cut at the very moment at which it is used again.
        all_are_served(|_| true, Fate::CutBefore).await;
        all_are_served(Call::is_write, Fate::CutBefore).await;
    }
}

mod case_38_lost_answers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_was_lost_after_the_write_is_a_success_and_one_effect() {
        all_are_served(|call| call.is_write() && is_central(call), Fate::CutAfter).await;
        // The count by source as well.
        all_are_served(Call::is_write, Fate::CutAfter).await;
        all_are_served(|call| !call.is_write(), Fate::CutAfter).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_whose_count_was_answered_by_nobody_counts_once() {
        let Scene { app, user, .. } = Scene::set().await;
        for number in 1..=4 {
            once_where(
                &app,
                |call| call.is_write() && is_central(call),
                Fate::CutAfter,
            );
            assert_eq!(app.log_in("john", "wrong").await.status, 401);
            let record = Tables::of(&app).user(user.id).await;
            assert_eq!(record["failures"]["n"], number);
        }
        app.proxy.heal();
        app.token("john", PASSWORD).await;
    }
}

mod case_37_refused_writes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_collision_with_another_write_is_waited_out() {
        let conflict = error(400, "TransactionConflictException");
        are_served(ALONE, is_alone, conflict).await;
        let in_progress = error(400, "TransactionInProgressException");
        are_served(TOGETHER, is_transaction, in_progress).await;
        for reasons in [
            ["TransactionConflict", "None", "None"],
            ["None", "ThrottlingError", "TransactionConflict"],
            ["None", "None", "ProvisionedThroughputExceeded"],
        ] {
            are_served(TOGETHER, is_transaction, cancelled(&reasons)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn collisions_for_ever_are_unavailability() {
        let alone = are_not_served(ALONE, |call| {
            if is_alone(call) {
                error(400, "TransactionConflictException")
            } else {
                Fate::Pass
            }
        });
        let conflict = are_not_served(TOGETHER, |call| {
            if is_transaction(call) {
                cancelled(&["TransactionConflict", "None", "None"])
            } else {
                Fate::Pass
            }
        });
        let throttle = are_not_served(TOGETHER, |call| {
            if is_transaction(call) {
                cancelled(&["None", "ThrottlingError", "None"])
            } else {
                Fate::Pass
            }
        });
        tokio::join!(alone, conflict, throttle);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_single_write_whose_condition_never_holds_gets_the_contracts_answer() {
        let gone: fn(&Value) -> Fate = |_| error(400, "ConditionalCheckFailedException");
        assert_eq!(
            refused("change_name", gone).await.problem(),
            problem(401, "not_authenticated")
        );
        assert_eq!(
            refused("log_out", gone).await.problem(),
            problem(401, "not_authenticated")
        );
        assert_eq!(
            refused("log_in", gone).await.problem(),
            problem(503, "unavailable")
        );
        // Whatever stood in the way is gone each time: nothing is queued, and so nobody is told that it is.
        assert_eq!(
            refused("reset_password", gone).await.problem(),
            problem(429, "too_many_requests")
        );
        // Somebody else changed the record, twice.
        assert_eq!(
            refused("change_name", refused_by).await.problem(),
            problem(409, "conflict")
        );
        assert_eq!(
            refused("log_in", refused_by).await.problem(),
            problem(503, "unavailable")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_whose_condition_never_holds_gets_the_contracts_answer() {
        const FAILED: &str = "ConditionalCheckFailed";
        let first: fn(&Value) -> Fate = |_| cancelled(&[FAILED, "None", "None", "None"]);
        let second: fn(&Value) -> Fate = |_| cancelled(&["None", FAILED, "None", "None"]);
        let third: fn(&Value) -> Fate = |_| cancelled(&["None", "None", FAILED, "None"]);
        let taken = [fault("username", "taken"), fault("email", "taken")];
        assert_eq!(refused("sign_up", second).await.fault(), taken[1]);
        assert_eq!(refused("sign_up", third).await.fault(), taken[0]);
        let both: fn(&Value) -> Fate = |_| cancelled(&["None", FAILED, FAILED]);
        assert_eq!(refused("sign_up", both).await.faults(), taken);
        let beside_a_conflict: fn(&Value) -> Fate =
            |_| cancelled(&["TransactionConflict", FAILED, "None"]);
        assert_eq!(
            refused("sign_up", beside_a_conflict).await.fault(),
            taken[1]
        );
        for name in ["change_password", "change_email"] {
            assert_eq!(
                refused(name, first).await.problem(),
                problem(401, "not_authenticated")
            );
        }
        assert_eq!(refused("change_email", second).await.fault(), taken[1]);
        assert_eq!(
            refused("reset_password_complete", first).await.problem(),
            problem(400, "invalid_token")
        );
        assert_eq!(
            refused("reset_password_complete", second).await.problem(),
            problem(400, "invalid_token")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_count_by_source_that_is_never_taken_lets_requests_pass_or_says_that_it_cannot() {
        for name in ["sign_up", "reset_password", "reset_password_complete"] {
            let scene = Scene::set().await;
            let before = scene.everything().await;
            scene.app.proxy.rule(|call| {
                if is_central(call) {
                    Fate::Pass
                } else {
                    error(400, "ProvisionedThroughputExceededException")
                }
            });
            let answer = scene.request(name).await;
            scene.check_unavailable(name, &answer, &before).await;
            scene.app.proxy.rule(|call| {
                if call.is_write() && !is_central(call) {
                    error(400, "ConditionalCheckFailedException")
                } else {
                    Fate::Pass
                }
            });
            let answer = scene.request(name).await;
            scene.check_done(name, &answer).await;
        }
    }
}

/// The answer to a request during which every central write is refused by its condition; nothing must come of it.
pub async fn refused(name: &'static str, fate: fn(&Value) -> Fate) -> Answer {
    let scene = Scene::set().await;
    let before = scene.everything().await;
    let fate = fate(&Tables::of(&scene.app).user(scene.user.id).await);
    scene.app.proxy.rule(move |call| {
        if call.is_write() && is_central(call) {
            fate.clone()
        } else {
            Fate::Pass
        }
    });
    let answer = scene.request(name).await;
    assert_eq!(scene.everything().await, before, "{name}");
    assert!(scene.app.unread().is_empty());
    // Whatever it was, the next request finds everything in order.
    scene.app.proxy.heal();
    let again = scene.request(name).await;
    scene.check_done(name, &again).await;
    answer
}

mod case_29_one_account {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_id_that_is_taken_is_drawn_again() {
        let scene = Scene::set().await;
        let taken = cancelled(&["ConditionalCheckFailed", "None", "None"]);
        scene.app.proxy.once("TransactWriteItems", taken);
        let answer = scene.request("sign_up").await;
        scene.check_done("sign_up", &answer).await;
    }
}
