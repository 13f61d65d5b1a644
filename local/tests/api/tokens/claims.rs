//! The claims of session tokens.

use serde_json::json;

use crate::support::{
    app::TestApp,
    times::DAY_SECONDS,
    token_forge::{TokenParts, assert_token_rejected, assert_unauthenticated, with, without},
};

mod case_04_token_claims {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_claim_is_required_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let names = ["iss", "aud", "sub", "iat", "exp", "jti"];
        for name in names {
            let token = parts.with_claims(&without(&parts.claims, name));
            assert_token_rejected(&app, &user, &format!("no {name}"), &token).await;
            let again = format!(
                r#"{},"{name}":{}}}"#,
                parts.claims.to_string().trim_end_matches('}'),
                parts.claims[name]
            );
            assert_token_rejected(&app, &user, &again, &parts.with_claims(&again)).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn times_are_checked() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let now = app.now();
        for (name, value) in [
            ("exp", json!(now)),
            ("exp", json!(now - 1)),
            ("exp", json!(now - DAY_SECONDS)),
            ("exp", json!(0)),
            ("exp", json!(-1)),
            ("exp", json!(null)),
            ("exp", json!((now + DAY_SECONDS).to_string())),
            ("exp", json!([now + DAY_SECONDS])),
            ("exp", json!({})),
            ("exp", json!(true)),
            ("exp", json!(1.5e300)),
            ("iat", json!(now + 6)),
            ("iat", json!(now + DAY_SECONDS)),
            ("iat", json!(null)),
            ("iat", json!(now.to_string())),
            ("iat", json!(-1)),
            ("iat", json!(u64::MAX)),
            ("nbf", json!(now + DAY_SECONDS)),
            ("nbf", json!("now")),
        ] {
            let token = parts.with_claim(name, value.clone());
            assert_token_rejected(&app, &user, &format!("{name} {value}"), &token).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn issuer_and_audience_are_checked() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let text = |name: &str| parts.claims[name].as_str().unwrap().to_owned();
        let (iss, aud) = (text("iss"), text("aud"));
        for (name, value) in [
            ("iss", json!("someone else")),
            ("iss", json!(iss.to_uppercase())),
            ("iss", json!(format!("{iss}/"))),
            ("iss", json!("")),
            ("iss", json!(null)),
            ("iss", json!([iss])),
            ("aud", json!("someone else")),
            ("aud", json!(format!("{aud} "))),
            ("aud", json!("")),
            ("aud", json!(null)),
            ("aud", json!([aud])),
            ("aud", json!([aud, "someone else"])),
            ("aud", json!({"aud": aud})),
        ] {
            let token = parts.with_claim(name, value.clone());
            assert_token_rejected(&app, &user, &format!("{name} {value}"), &token).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn subject_and_session_are_checked() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let text = |name: &str| parts.claims[name].as_str().unwrap().to_owned();
        let (sub, jti) = (text("sub"), text("jti"));
        for (name, value) in [
            ("sub", json!(user.id)),
            ("sub", json!(format!("0{sub}"))),
            ("sub", json!(format!("+{sub}"))),
            ("sub", json!(format!(" {sub}"))),
            ("sub", json!(format!("{sub}\n"))),
            ("sub", json!(format!("{sub}.0"))),
            ("sub", json!(format!("{sub}e0"))),
            ("sub", json!(format!("user#{sub}"))),
            ("sub", json!("01")),
            ("sub", json!("1e3")),
            ("sub", json!("-1")),
            ("sub", json!(format!("-{sub}"))),
            ("sub", json!("0")),
            ("sub", json!("1")),
            ("sub", json!("9007199254740991")),
            ("sub", json!("9007199254740992")),
            ("sub", json!((u128::from(user.id) + (1 << 64)).to_string())),
            ("sub", json!("9".repeat(40))),
            ("sub", json!("\u{661}")),
            ("sub", json!("")),
            ("sub", json!(null)),
            ("sub", json!([sub])),
            ("jti", json!("")),
            ("jti", json!(null)),
            ("jti", json!([jti])),
            ("jti", json!(jti.to_uppercase())),
            ("jti", json!(format!("{jti} "))),
            ("jti", json!("0".repeat(32))),
            ("is_superuser", json!(true)),
        ] {
            let token = parts.with_claim(name, value.clone());
            assert_token_rejected(&app, &user, &format!("{name} {value}"), &token).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_claims_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let exp = format!(r#""exp":{}"#, parts.claims["exp"]);
        for changed in [
            claims.replace(&exp, r#""exp":1e400"#),
            claims.replace(&exp, r#""exp":-1e400"#),
            claims.replace(&exp, r#""exp":99999999999999999999999"#),
            claims.replace(&exp, r#""exp":NaN"#),
            claims.replace(&exp, r#""exp":Infinity"#),
            format!("{claims}{claims}"),
            format!("{claims} x"),
            format!("[{claims}]"),
            format!("\u{feff}{claims}"),
            "[]".to_owned(),
            "null".to_owned(),
            "{}".to_owned(),
            String::new(),
        ] {
            assert_ne!(changed, claims);
            assert_token_rejected(&app, &user, &changed, &parts.with_claims(&changed)).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn clock_skew_of_five_seconds_is_tolerated() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        assert_eq!(parts.claims["exp"], app.now() + 14 * DAY_SECONDS);
        let early = parts.with_claim("iat", json!(app.now() + 5));
        assert_eq!(app.details_with(&user, &early).await.status, 200);
        app.advance(std::time::Duration::from_secs(14 * DAY_SECONDS - 1));
        assert_eq!(app.details(&user).await.status, 200);
        app.advance(std::time::Duration::from_secs(1));
        assert_token_rejected(&app, &user, "expired", &user.token).await;
        // The session has ended, whatever the token claims.
        let longer = parts.with_claim("exp", json!(app.now() + DAY_SECONDS));
        let response = app.details_with(&user, &longer).await;
        assert_unauthenticated(&response, "of an expired session");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn times_are_plain_whole_numbers() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let now = app.now();
        for name in ["exp", "iat"] {
            let stated = format!(r#""{name}":{}"#, parts.claims[name]);
            let later = now + DAY_SECONDS;
            for value in [
                format!("{now}.0"),
                format!("{later}.5"),
                "-0".to_owned(),
                "-0.0".to_owned(),
                "1e10".to_owned(),
                format!("{later}e0"),
                format!("+{later}"),
                format!("0{later}"),
                format!("0x{later:x}"),
                format!("[{later}]"),
                format!("\"{later}\""),
                "18446744073709551616".to_owned(),
                "true".to_owned(),
                String::new(),
            ] {
                let changed = claims.replace(&stated, &format!(r#""{name}":{value}"#));
                assert_ne!(changed, claims);
                assert_token_rejected(&app, &user, &changed, &parts.with_claims(&changed)).await;
            }
        }
        // An early `iat` is accepted: the session in the table has the expiry.
        for iat in [0, 1, now - 20 * DAY_SECONDS] {
            let token = parts.with_claim("iat", json!(iat));
            let response = app.details_with(&user, &token).await;
            assert_eq!(response.status, 200, "{iat}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn duplicate_and_unknown_claims_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let open = claims.strip_suffix('}').unwrap();
        let sub = &parts.claims["sub"];
        for changed in [
            format!(r#"{open},"\u0073ub":{sub}}}"#),
            format!(r#"{open},"s\u0075b":"1"}}"#),
            format!(r#"{open},"\u0065xp":99999999999}}"#),
            format!(r#"{open},"SUB":{sub}}}"#),
            format!(r#"{open},"sub ":{sub}}}"#),
            format!(r#"{open},"nbf":0}}"#),
            format!(r#"{open},"scope":"admin"}}"#),
            format!(r#"{open},"is_superuser":true}}"#),
            format!(r#"{open},"__proto__":{{"sub":"1"}}}}"#),
            format!(r#"{open},"":0}}"#),
            format!(r#"{open},"x":{{"sub":{sub},"sub":{sub}}}}}"#),
            format!(r#"{open},"x":"\ud800"}}"#),
            format!("{claims}\0"),
            format!("{claims},"),
            format!("\u{feff}{claims}"),
            claims.replace("\"sub\":\"", "\"sub\":\"\\u0000"),
            claims.replace("\"sub\":\"", "\"sub\":\"\u{ff10}"),
            claims.replace("\"jti\":\"", "\"jti\":\"\\ud800"),
        ] {
            assert_ne!(changed, claims);
            assert_token_rejected(&app, &user, &changed, &parts.with_claims(&changed)).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tokens_of_another_deployment_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let other = TestApp::start().await;
        let others = other.sign_up("john").await;
        assert_token_rejected(&app, &user, "another's key and table", &others.token).await;
        assert_token_rejected(&other, &others, "the same the other way round", &user.token).await;
        // Another issuer or audience is rejected even with our key.
        let parts = TokenParts::of(&app, &user.token).await;
        for name in ["iss", "aud"] {
            let own = parts.claims[name].as_str().unwrap();
            for foreign in [
                format!("{own}2"),
                format!("https://{own}"),
                format!("{own}\\u0000"),
                own.chars().rev().collect(),
            ] {
                let claims = with(&parts.claims, name, json!(foreign));
                assert_token_rejected(&app, &user, &foreign, &parts.with_claims(&claims)).await;
            }
        }
    }
}
