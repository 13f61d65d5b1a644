//! The JOSE header of session tokens.

use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    signing_keys::key_calls,
    tables::KEYS,
    token_forge::{TokenForge, TokenParts, assert_token_rejected, encode, part, with, without},
};

mod case_03_token_headers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn only_our_key_ids_are_accepted() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let unknown = TokenForge::with_unknown_key();
        for kid in [
            json!(unknown.kid),
            json!("a".repeat(43)),
            json!("a".repeat(5 * 1024)),
            json!(""),
            json!("../../../../../dev/null"),
            json!("/dev/null"),
            json!("signing"),
            json!("' OR 1=1 --"),
            json!(format!("{}\0", parts.forge.kid)),
            json!(format!(" {}", parts.forge.kid)),
            json!(parts.forge.kid.to_uppercase()),
            json!("http://127.0.0.1:1/jwks.json"),
            json!(0),
            json!(null),
            json!([parts.forge.kid]),
        ] {
            assert_token_rejected(
                &app,
                &user,
                &format!("kid {kid}"),
                &parts.with_header("kid", kid),
            )
            .await;
        }
        for name in ["kid", "typ"] {
            let token = parts.with_header_text(&without(&parts.header, name));
            assert_token_rejected(&app, &user, &format!("no {name}"), &token).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn additional_header_members_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let unknown = TokenForge::with_unknown_key();
        let url = "http://127.0.0.1:1/jwks.json";
        for (name, value) in [
            ("jku", json!(url)),
            ("x5u", json!(url)),
            ("jwk", unknown.jwk()),
            ("jwk", parts.forge.jwk()),
            ("x5c", json!([])),
            ("crit", json!([])),
            ("crit", json!(["exp"])),
            ("crit", json!(["b64"])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
            ("typ", json!("JWT")),
            ("typ", json!("")),
            ("typ", json!(null)),
            ("typ", json!(1)),
        ] {
            assert_token_rejected(
                &app,
                &user,
                &format!("{name} {value}"),
                &parts.with_header(name, value),
            )
            .await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_address_in_a_header_is_followed() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let unknown = TokenForge::with_unknown_key();
        let claims = parts.claims.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        for name in ["kid", "jku", "x5u"] {
            let token = parts.with_header(name, json!(url));
            assert_token_rejected(&app, &user, name, &token).await;
        }
        // A signature with an unknown key is invalid, whatever the header says.
        for (name, value) in [
            ("kid", json!(unknown.kid)),
            ("kid", json!(parts.forge.kid)),
            ("jwk", unknown.jwk()),
            ("jku", json!(url)),
            ("x5u", json!(url)),
        ] {
            let token = unknown.sign(&with(&parts.header, name, value), &claims);
            assert_token_rejected(&app, &user, &format!("unknown key, with {name}"), &token).await;
        }
        let accepted = listener.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(
            accepted,
            Err(std::io::ErrorKind::WouldBlock),
            "an address in a token was followed"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_header_is_one_object_without_duplicates() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let header = parts.header.to_string();
        let more = |more: &str| format!("{},{more}}}", header.strip_suffix('}').unwrap());
        for header in [
            more(r#""alg":"ES256""#),
            more(r#""typ":"at+jwt""#),
            more(&format!(r#""kid":"{}""#, parts.forge.kid)),
            format!("{header}{header}"),
            format!("{header}x"),
            format!("\u{feff}{header}"),
            format!("[{header}]"),
            "[]".to_owned(),
            "null".to_owned(),
            "{}".to_owned(),
            String::new(),
            "[".repeat(1000),
        ] {
            assert_token_rejected(
                &app,
                &user,
                &format!("header {header}"),
                &parts.forge.sign(&header, &claims),
            )
            .await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_oversized_key_id_is_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let token = parts.with_header("kid", json!("a".repeat(10 * 1024)));
        for function in ["get_user", "update_details", "log_out"] {
            let change = |event: &mut Value| {
                event["headers"]["authorization"] = json!(format!("Token {token}"));
            };
            let (status, body) = app.invoke(function, change).await;
            assert_eq!(
                (status, &body["code"]),
                (401, &json!("not_authenticated")),
                "{function}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_headers_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let kid = &parts.forge.kid;
        let header = parts.header.to_string();
        for changed in [
            format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","\u006bid":"{kid}"}}"#),
            format!(r#"{{"alg":"ES256","\u0061lg":"none","typ":"at+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","x":{{"a":1,"a":2}}}}"#),
            format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}\ud800"}}"#),
            format!(r#"{{"alg":"ES256","typ":"AT+JWT","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"ES256","typ":"application/at+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"ALG":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
            format!(r#"["ES256","at+jwt","{kid}"]"#),
            format!("\u{feff}{header}"),
            format!("{header}\0"),
            format!("/**/{header}"),
            header.replace('"', "'"),
            format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":{{"kid":"{kid}"}}}}"#),
            format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200)),
        ] {
            assert_ne!(changed, header);
            let token = parts.forge.sign(&changed, &claims);
            assert_token_rejected(&app, &user, &changed, &token).await;
        }
        for bytes in [
            &b"\xff\xfe{\0}\0"[..],
            b"{\"alg\":\"\xc0\xaf\"}",
            b"\xed\xa0\x80",
        ] {
            let (_, rest) = user.token.split_once('.').unwrap();
            let token = format!("{}.{rest}", encode(bytes));
            assert_token_rejected(&app, &user, &format!("{bytes:?}"), &token).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_id_is_never_a_path_or_url() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        app.proxy.calls();
        let kid = &parts.forge.kid;
        for name in [
            "../../etc/passwd".to_owned(),
            "file:///dev/null".to_owned(),
            "http://127.0.0.1:1/jwks.json".to_owned(),
            "jwks".to_owned(),
            "user#1".to_owned(),
            format!("{kid}#"),
            format!("./{kid}"),
            format!("{kid}="),
            kid[..42].to_owned(),
            kid.replace(|letter: char| letter.is_ascii_digit(), "-"),
            "\u{202e}".repeat(14),
            "'".repeat(43),
            "*".repeat(43),
        ]
        .iter()
        .filter(|name| *name != kid)
        {
            let token = parts.with_header("kid", json!(name));
            assert_token_rejected(&app, &user, name, &token).await;
        }
        // An unknown id of the right form may belong to a new key: each of the four functions reads the keys once more than at its
        // start.
        let calls = app.proxy.calls();
        let keys = calls.iter().filter(|call| call.keys()[0].0 == KEYS);
        assert!(keys.count() <= 8, "{calls:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unknown_key_ids_cost_one_read_per_ten_seconds() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        assert_eq!(app.details(&user).await.status, 200);
        app.proxy.calls();
        for (seconds, reads) in [(0, 1), (1, 0), (8, 0), (1, 1), (9, 0), (1, 1)] {
            app.advance(Duration::from_secs(seconds));
            for _ in 0..10 {
                assert_eq!(
                    app.details_with(&user, &TokenForge::unknown_key_token())
                        .await
                        .status,
                    401
                );
            }
            assert_eq!(key_calls(&app), reads, "{seconds} s later");
        }
        // Ids of the wrong form cost no read, and valid tokens stay valid.
        app.advance(Duration::from_secs(10));
        let forge = TokenForge::of(&app).await;
        for name in [
            "",
            "x",
            "../jwks",
            &"a".repeat(42),
            &"a".repeat(44),
            &"!".repeat(43),
        ] {
            let mut header = part(&user.token, 0);
            header["kid"] = json!(name);
            let token = forge.sign(&header.to_string(), &part(&user.token, 1).to_string());
            assert_eq!(app.details_with(&user, &token).await.status, 401);
        }
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(key_calls(&app), 0);
    }
}
