//! Further faults of families 36 to 39 and 41: answers that arrive in pieces or not as DynamoDB sent them, errors of
//! every name, and keys that are none.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{OTHER_PASSWORD, PASSWORD, TestApp, problem},
    faults::{
        ALONE, Scene, TOGETHER, all, are_not_served, are_served, every_request, is_central,
        is_transaction, once_where, refused,
    },
    mangled::Mangling,
    proxy::{Call, Fate, cancelled, error},
    tables::Tables,
};

/// Has every `nth` call from now on wait for longer than anybody has patience, and no other.
fn delay_nth(scene: &Scene, nth: usize) {
    let mut seen = 0;
    scene.app.proxy.rule(move |_| {
        seen += 1;
        if seen == nth {
            Fate::Delay(Duration::from_secs(10))
        } else {
            Fate::Pass
        }
    });
}

mod case_36_unavailable {
    use super::*;

    /// Codes that say that it is not the request's fault and may be over soon.
    const RETRYABLE_CODES: [(u16, &str); 17] = [
        (400, "ThrottlingException"),
        (400, "Throttling"),
        (400, "ThrottledException"),
        (400, "RequestThrottledException"),
        (429, "TooManyRequestsException"),
        (400, "ProvisionedThroughputExceededException"),
        (400, "RequestLimitExceeded"),
        (400, "LimitExceededException"),
        (400, "ExpiredTokenException"),
        (403, "ExpiredToken"),
        (400, "UnrecognizedClientException"),
        (403, "InvalidClientTokenId"),
        (400, "InvalidSignatureException"),
        (403, "RequestExpired"),
        (500, "InternalServerError"),
        (500, "InternalFailure"),
        (503, "ServiceUnavailableException"),
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn every_error_that_passes_is_unavailability() {
        let scene = Scene::set().await;
        let before = scene.everything().await;
        for (status, code) in RETRYABLE_CODES {
            scene.app.proxy.rule(move |_| error(status, code));
            for name in ["get_user", "log_out"] {
                let answer = scene.request(name).await;
                scene.check_unavailable(name, &answer, &before).await;
            }
        }
        scene.app.proxy.heal();
        let answer = scene.request("log_out").await;
        scene.check_done("log_out", &answer).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_something_in_between_answers_is_unavailability() {
        let scene = Scene::set().await;
        let before = scene.everything().await;
        for status in [301, 307, 400, 403, 404, 408, 413, 429, 431, 500, 502, 504] {
            for body in ["", "<html>no</html>", "[]", "{\"message\":\"no\"}"] {
                scene
                    .app
                    .proxy
                    .rule(move |_| Fate::Instead(status, "text/html", body));
                let what = format!("log_out at {status} {body}");
                let answer = scene.request("log_out").await;
                scene.check_unavailable(&what, &answer, &before).await;
            }
        }
        scene.app.proxy.heal();
        let answer = scene.request("log_out").await;
        scene.check_done("log_out", &answer).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn something_else_in_place_of_every_answer_is_unavailability_everywhere() {
        are_not_served(all(), |_| {
            Fate::Instead(200, "text/html", "<html>Welcome to the hotel</html>")
        })
        .await;
        are_not_served(all(), |_| {
            Fate::Instead(200, "application/x-amz-json-1.0", "")
        })
        .await;
        are_not_served(all(), |_| {
            Fate::Instead(403, "text/html", "<html>no</html>")
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn throttled_once_by_whatever_name_a_request_is_served() {
        for code in [
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestThrottledException",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "LimitExceededException",
        ] {
            are_served(["get_user", "change_name"], |_| true, error(400, code)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn once_anything_in_place_of_an_answer_costs_nobody_anything() {
        for fate in [
            Fate::Instead(200, "text/html", "<html>Welcome to the hotel</html>"),
            Fate::Instead(200, "application/x-amz-json-1.0", ""),
            Fate::Instead(200, "application/x-amz-json-1.0", "{\"Item\":"),
            Fate::Instead(307, "text/plain", ""),
        ] {
            are_served(
                ["sign_up", "log_in", "get_user", "change_name"],
                |_| true,
                fate,
            )
            .await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bodies_that_never_come_are_unavailability() {
        let stuck = |how: fn(&Call) -> Fate| {
            every_request(
                ["get_user", "log_in"],
                move |scene: &Scene| scene.app.proxy.rule(how),
                async |scene: Scene, name, answer, before: Vec<Value>| {
                    scene.check_unavailable(name, &answer, &before).await;
                },
            )
        };
        tokio::join!(
            stuck(|_| Fate::Mangled(Mangling::Stuck)),
            stuck(|_| Fate::Mangled(Mangling::Dripping)),
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_call_in_turn_may_take_ten_seconds() {
        let served = |nth: usize| {
            every_request(
                all(),
                move |scene: &Scene| delay_nth(scene, nth),
                async |scene: Scene, name, answer, _| scene.check_done(name, &answer).await,
            )
        };
        tokio::join!(served(2), served(3), served(4));
    }
}

mod case_37_refused_writes {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn reasons_that_pass_are_waited_out_whatever_they_are_mixed_with() {
        for reasons in [
            [
                "TransactionConflict",
                "ThrottlingError",
                "ProvisionedThroughputExceeded",
            ],
            [
                "TransactionConflict",
                "TransactionConflict",
                "TransactionConflict",
            ],
            ["None", "None", "None"],
        ] {
            are_served(TOGETHER, is_transaction, cancelled(&reasons)).await;
        }
        are_served(TOGETHER, is_transaction, cancelled(&[])).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reason_that_nobody_knows_is_unavailability_and_changes_nothing() {
        for reasons in [
            &["Mystery", "None", "None"][..],
            &["None", "Mystery"],
            &["AccessDenied"],
            &["", "None", "None"],
        ] {
            for name in ["sign_up", "reset_password_complete"] {
                let scene = Scene::set().await;
                let before = scene.everything().await;
                let fate = cancelled(reasons);
                scene.app.proxy.rule(move |call| {
                    if is_transaction(call) {
                        fate.clone()
                    } else {
                        Fate::Pass
                    }
                });
                let answer = scene.request(name).await;
                scene.check_unavailable(name, &answer, &before).await;
                scene.app.proxy.heal();
                let answer = scene.request(name).await;
                scene.check_done(name, &answer).await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_will_not_pass_is_a_defect_of_ours_and_changes_nothing() {
        const INTERNAL: (u16, &str) = (500, "internal");
        let transactions: [fn(&Value) -> Fate; 3] = [
            |_| cancelled(&["ValidationError", "None", "None"]),
            |_| cancelled(&["None", "ItemCollectionSizeLimitExceeded", "None"]),
            |_| error(400, "IdempotentParameterMismatchException"),
        ];
        for fate in transactions {
            for name in TOGETHER {
                let (status, code) = INTERNAL;
                assert_eq!(
                    refused(name, fate).await.problem(),
                    problem(status, code),
                    "{name}"
                );
            }
        }
        let alone: [fn(&Value) -> Fate; 3] = [
            |_| error(400, "AccessDeniedException"),
            |_| error(400, "ResourceNotFoundException"),
            |_| error(400, "ValidationException"),
        ];
        for fate in alone {
            for name in ALONE {
                let answer = refused(name, fate).await;
                let (status, code) = INTERNAL;
                assert_eq!(answer.problem(), problem(status, code), "{name}");
                for told in ["AccessDenied", "arn:", "Table", "made up"] {
                    assert!(!answer.text.contains(told), "{answer:?}");
                }
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_condition_that_fails_beside_anything_else_decides() {
        const FAILED: &str = "ConditionalCheckFailed";
        for other in [
            "ThrottlingError",
            "Mystery",
            "ValidationError",
            "TransactionConflict",
        ] {
            let scene = Scene::set().await;
            let before = scene.everything().await;
            scene
                .app
                .proxy
                .once("TransactWriteItems", cancelled(&[other, FAILED, "None"]));
            let answer = scene.request("sign_up").await;
            assert_eq!(
                answer.fault(),
                crate::app::fault("email", "taken"),
                "{other}"
            );
            assert_eq!(scene.everything().await, before, "{other}");
        }
    }
}

mod case_38_lost_answers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_was_mangled_after_the_write_is_a_success_and_one_effect() {
        let writers = [
            "sign_up",
            "log_in",
            "change_email",
            "reset_password_complete",
        ];
        let central_write = |call: &Call| call.is_write() && is_central(call);
        for how in [
            Mangling::Halved,
            Mangling::Torn,
            Mangling::Stuck,
            Mangling::Dripping,
            Mangling::Replaced,
            Mangling::Emptied,
            Mangling::Relabelled,
        ] {
            let fate = Fate::Mangled(how);
            are_served(writers, central_write, fate.clone()).await;
            are_served(["get_user"], |_| true, fate).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn answers_that_are_lost_twice_in_a_row_are_a_success_and_one_effect() {
        every_request(
            all(),
            |scene| {
                let mut left = 2;
                scene.app.proxy.rule(move |call| {
                    if call.is_write() && is_central(call) && left > 0 {
                        left -= 1;
                        Fate::CutAfter
                    } else {
                        Fate::Pass
                    }
                });
            },
            async |scene: Scene, name, answer, _| scene.check_done(name, &answer).await,
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_came_too_late_is_a_success_and_one_effect() {
        for name in ["sign_up", "change_password", "reset_password_complete"] {
            let scene = Scene::set().await;
            let mut first = true;
            scene.app.proxy.rule(move |call| {
                if call.is_write() && is_central(call) && std::mem::take(&mut first) {
                    Fate::Mangled(Mangling::Stuck)
                } else {
                    Fate::Pass
                }
            });
            let answer = scene.request(name).await;
            scene.check_done(name, &answer).await;
        }
    }
}

mod case_39_idle_connections {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn connections_that_are_cut_again_and_again_cost_nobody_anything() {
        let scene = Scene::set().await;
        for round in 0..10 {
            scene.app.proxy.cut();
            let name = format!("John {round}");
            let change = json!({"current-password": PASSWORD, "first_name": name});
            let answer = scene.app.update(&scene.user.token, &change).await;
            assert_eq!(
                (answer.status, &answer.json()["first_name"]),
                (200, &json!(name))
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_that_is_cut_in_the_midst_of_each_kind_of_call_costs_nobody_anything() {
        for operation in ["GetItem", "PutItem", "UpdateItem", "TransactWriteItems"] {
            every_request(
                all(),
                |scene| {
                    let of_this = move |call: &Call| call.operation == operation;
                    once_where(&scene.app, of_this, Fate::Mangled(Mangling::Torn));
                },
                async |scene: Scene, name, answer, _| scene.check_done(name, &answer).await,
            )
            .await;
        }
    }
}

mod case_41_unreadable_keys {
    use super::*;

    /// An app whose item `key` among the keys is made wrong by `spoil`, before anybody has read it. Comes with the good
    /// one, and with a token.
    async fn spoilt(key: &str, spoil: impl Fn(&mut Value)) -> (TestApp, Value) {
        let app = TestApp::start().await;
        let tables = Tables::of(&app);
        // Signs up, by which log_in has read nothing yet.
        app.sign_up("john").await;
        let good = tables.item("KeysTable", key).await.unwrap();
        let mut bad = good.clone();
        spoil(&mut bad);
        tables.put("KeysTable", &bad).await;
        (app, good)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signing_key_that_is_none_signs_nobody_in_until_it_is_mended() {
        let spoils: [fn(&mut Value); 6] = [
            |item| drop(item.as_object_mut().unwrap().remove("keys")),
            |item| item["keys"] = json!("none"),
            |item| item["version"] = json!("one"),
            |item| item["keys"][0]["pkcs8"] = json!("%%%"),
            |item| item["keys"][0]["pkcs8"] = json!("AAAA"),
            |item| item["keys"][0]["pkcs8"] = json!(""),
        ];
        for spoil in spoils {
            let (app, good) = spoilt("signing", spoil).await;
            for _ in 0..2 {
                let answer = app.log_in("john", PASSWORD).await;
                assert_eq!(answer.problem(), problem(503, "unavailable"));
                assert!(answer.header("retry-after").is_some());
            }
            Tables::of(&app).put("KeysTable", &good).await;
            app.token("john", PASSWORD).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn public_keys_that_are_none_let_nobody_in_until_they_are_mended() {
        let spoils: [fn(&mut Value); 3] = [
            |item| drop(item.as_object_mut().unwrap().remove("keys")),
            |item| item["keys"] = json!("none"),
            |item| drop(item["keys"][0].as_object_mut().unwrap().remove("x")),
        ];
        for spoil in spoils {
            let (app, good) = spoilt("jwks", spoil).await;
            let token = app.token("john", PASSWORD).await;
            for path in ["/api/users/1", "/.well-known/jwks.json"] {
                for _ in 0..2 {
                    let answer = app.get(path, &token).await;
                    assert_eq!(answer.problem(), problem(503, "unavailable"), "{path}");
                    assert!(answer.header("retry-after").is_some());
                }
            }
            Tables::of(&app).put("KeysTable", &good).await;
            assert_eq!(app.get("/api/users/1", &token).await.status, 404);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn foreign_members_and_broken_neighbours_of_a_public_key_change_nothing() {
        let (app, good) = spoilt("jwks", |item| {
            item["more"] = json!("x");
            item["keys"][0]["d"] = json!("private");
            item["keys"][0]["alg"] = json!("none");
            let mut broken = item["keys"][0].clone();
            broken["kid"] = json!("a".repeat(43));
            broken["x"] = json!("%");
            let mut point = broken.clone();
            point["kid"] = json!("b".repeat(43));
            point["x"] = json!("A".repeat(43));
            let keys = item["keys"].as_array_mut().unwrap();
            keys.insert(0, broken);
            keys.push(point);
        })
        .await;
        let token = app.token("john", PASSWORD).await;
        assert_eq!(app.get("/api/users/1", &token).await.status, 404);
        let published = app.get("/.well-known/jwks.json", "").await;
        assert_eq!(published.status, 200);
        let kid = &good["keys"][0]["kid"];
        let keys = published.json()["keys"].take();
        let ours = keys
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == *kid);
        assert_eq!(
            (&ours.unwrap()["alg"], ours.unwrap().get("d")),
            (&json!("ES256"), None)
        );
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(app.update(&token, &change).await.status, 200);
        app.mail();
    }
}
