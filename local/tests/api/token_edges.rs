//! Further session tokens, families 1 to 4 and 7, and further ids, family 9.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, TestApp},
    minter::{Minter, decode, encode},
    raw::{self, RawAnswer},
    tables::Tables,
    tokens::{DAY, Parts, refused, token_refused, with},
};

async fn get(app: &TestApp, path: &str, lines: &[&[u8]]) -> RawAnswer {
    let lines = [&[b"host: localhost".as_slice()], lines].concat();
    raw::send(app, &format!("GET {path}"), &lines, b"").await
}

mod case_01_credentials {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn two_credentials_are_none_in_whatever_order_and_however_they_are_sent() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        let (token, others) = (user.token.as_str(), other.token.as_str());
        let credentials = [
            format!("Token {token}"),
            format!("Bearer {token}"),
            format!("Token {others}"),
            "Basic am9objpwYXNzd29yZA==".to_owned(),
            "Token".to_owned(),
            "x".to_owned(),
        ];
        for first in &credentials {
            for second in &credentials {
                let what = format!("{first:.12} and {second:.12}");
                let both = [first.as_bytes(), second.as_bytes()];
                refused(&app, &user, &what, &both).await;
                for joint in [",", ", ", ";"] {
                    let joined = format!("{first}{joint}{second}");
                    refused(&app, &user, &what, &[joined.as_bytes()]).await;
                }
            }
        }
        let good = credentials[0].as_bytes();
        refused(&app, &user, "three", &[good, good, good]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_control_byte_anywhere_makes_it_no_credential() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let path = format!("/api/users/{}", user.id);
        let token = user.token.as_bytes();
        for byte in (1..32)
            .filter(|byte| !b"\t\n\r".contains(byte))
            .chain([127])
        {
            for value in [
                [b"Token ".as_slice(), token, &[byte]].concat(),
                [b"Token ".as_slice(), &[byte], token].concat(),
                [b"Token", &[byte][..], token].concat(),
                [&[byte], b"Token ".as_slice(), token].concat(),
            ] {
                let line = [b"authorization: ".as_slice(), &value].concat();
                let answer = get(&app, &path, &[&line]).await;
                assert_eq!(
                    (answer.status, &answer.body["code"]),
                    (401, &json!("not_authenticated")),
                    "{byte}: {answer:?}"
                );
            }
        }
        // A line that goes on in the next one, a name with a space behind it: no header at all.
        for line in [
            [b"authorization: Token\r\n ".as_slice(), token].concat(),
            [b"authorization: Token\n ".as_slice(), token].concat(),
            [b"authorization : Token ".as_slice(), token].concat(),
            [b"authorization Token ".as_slice(), token].concat(),
            [b"auth\x01orization: Token ".as_slice(), token].concat(),
            [b": Token ".as_slice(), token].concat(),
        ] {
            let answer = get(&app, &path, &[&line]).await;
            assert_eq!(answer.status, 401, "{line:?}: {answer:?}");
        }
        // What HTTP itself cannot bear is no request.
        for byte in [b"\0", b"\r"] {
            let line = [b"authorization: Token ".as_slice(), byte, token].concat();
            let answer = get(&app, &path, &[&line]).await;
            assert_eq!(
                (answer.status, answer.body),
                (400, json!({"message": "Bad Request"}))
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bad_header_beside_a_good_token_is_as_good_as_none() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let path = format!("/api/users/{}", user.id);
        let good = format!("authorization:\t Token {}\t ", user.token);
        for line in [
            b"x: a\x01b".as_slice(),
            b"nonsense",
            b": x",
            b"x y: z",
            b"x: \xff",
        ] {
            let answer = get(&app, &path, &[line, good.as_bytes()]).await;
            assert_eq!(answer.status, 200, "{line:?}: {answer:?}");
        }
        for name in ["x", "a b", "", "\u{fc}"] {
            for value in [
                json!("\u{1}"),
                json!("\n"),
                json!(null),
                json!(1),
                json!([]),
            ] {
                let change = |event: &mut Value| {
                    event["headers"]["authorization"] = json!(format!("Token {}", user.token));
                    event["headers"][name] = value.clone();
                    event["pathParameters"] = json!({"id": user.id.to_string()});
                };
                let (status, body) = app.invoke("get_user", change).await;
                assert_eq!(
                    (status, &body["id"]),
                    (200, &json!(user.id)),
                    "{name} {value}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_credential_may_be_of_any_length() {
        let app = TestApp::start().await;
        app.sign_up("john").await;
        for length in [1, 100, 2_047, 2_048, 2_049, 4_096, 9_000, 9_216, 10_000] {
            let line = format!("authorization: Token {}", "a".repeat(length));
            let answer = get(&app, "/api/users/1", &[line.as_bytes()]).await;
            assert_eq!(answer.status, 401, "{length}: {answer:?}");
            let dots = format!("authorization: Token {}", "e30.".repeat(length / 4));
            let answer = get(&app, "/api/users/1", &[dots.as_bytes()]).await;
            assert_eq!(answer.status, 401, "{length}: {answer:?}");
        }
        for length in [10_240, 65_536, 500_000, 2_000_000] {
            let line = format!("authorization: Token {}", "a".repeat(length));
            let answer = get(&app, "/api/users/1", &[line.as_bytes()]).await;
            let message = json!({"message": "Request Header Fields Too Large"});
            assert_eq!((answer.status, answer.body), (431, message), "{length}");
        }
    }
}

mod case_02_forgeries {
    use super::*;

    /// The order of P-256's group.
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// A signature in DER (RFC 3279, section 2.2.3).
    fn der(signature: &[u8]) -> Vec<u8> {
        let integer = |half: &[u8]| {
            let mut content = half.to_vec();
            if content[0] >= 0x80 {
                content.insert(0, 0);
            }
            [vec![2, u8::try_from(content.len()).unwrap()], content].concat()
        };
        let (r, s) = signature.split_at(32);
        let content = [integer(r), integer(s)].concat();
        [vec![0x30, u8::try_from(content.len()).unwrap()], content].concat()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signature_is_two_good_numbers_of_32_bytes() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let (signed, signature) = user.token.rsplit_once('.').unwrap();
        let signature = decode(signature);
        let (r, s) = signature.split_at(32);
        let (zero, one, order) = (vec![0; 32], [vec![0; 31], vec![1]].concat(), bytes(ORDER));
        for (what, forged) in [
            ("zeros", [zero.clone(), zero.clone()].concat()),
            ("ones", [one.clone(), one.clone()].concat()),
            ("r of 0", [&zero, s].concat()),
            ("s of 0", [r, &zero].concat()),
            ("r of the order", [&order, s].concat()),
            ("s of the order", [r, &order].concat()),
            ("both of the order", [order.clone(), order].concat()),
            ("all bits", vec![0xff; 64]),
            ("swapped", [s, r].concat()),
            ("DER", der(&signature)),
            ("r alone", r.to_vec()),
            ("63 bytes", signature[..63].to_vec()),
            ("65 bytes", [&signature[..], &[0]].concat()),
            ("a zero before", [&[0], &signature[..]].concat()),
            ("96 bytes", [&signature[..], &zero].concat()),
            ("twice", [&signature[..], &signature[..]].concat()),
        ] {
            let token = format!("{signed}.{}", encode(forged));
            token_refused(&app, &user, what, &token).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_has_one_spelling() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = user.token.as_str();
        let parts: Vec<&str> = token.split('.').collect();
        let standard = token.replace('-', "+").replace('_', "/");
        for (what, changed) in [
            ("a space before", format!(" {token}")),
            ("a tab between", token.replacen('.', "\t.", 1)),
            ("a space between", token.replacen('.', ". ", 1)),
            ("encoded dots", token.replace('.', "%2E")),
            ("other dots", token.replace('.', ",")),
            ("colons", token.replace('.', ":")),
            ("two dots", token.replacen('.', "..", 1)),
            ("quotes", format!("\"{token}\"")),
            ("brackets", format!("<{token}>")),
            ("a header of its own", format!("Token {token}")),
            ("upper case", token.to_uppercase()),
            ("no header", format!(".{}.{}", parts[1], parts[2])),
            ("no claims", format!("{}..{}", parts[0], parts[2])),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("nothing", "..".to_owned()),
            (
                "of five parts",
                format!("{}.{}.e30.e30.{}", parts[0], parts[1], parts[2]),
            ),
            (
                "the other way round",
                format!("{}.{}.{}", parts[2], parts[1], parts[0]),
            ),
        ] {
            token_refused(&app, &user, what, &changed).await;
        }
        if standard != token {
            token_refused(&app, &user, "the other alphabet", &standard).await;
        }
    }
}

mod case_03_headers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_header_is_not_believed_in_any_other_shape() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let kid = &parts.minter.kid;
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
            let token = parts.minter.sign(&changed, &claims);
            token_refused(&app, &user, &changed, &token).await;
        }
        for bytes in [
            &b"\xff\xfe{\0}\0"[..],
            b"{\"alg\":\"\xc0\xaf\"}",
            b"\xed\xa0\x80",
        ] {
            let (_, rest) = user.token.split_once('.').unwrap();
            let token = format!("{}.{rest}", encode(bytes));
            token_refused(&app, &user, &format!("{bytes:?}"), &token).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_name_of_a_key_is_no_path_no_address_and_no_query() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        app.proxy.calls();
        let kid = &parts.minter.kid;
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
            token_refused(&app, &user, name, &token).await;
        }
        // A name that is like that of any other may be new: each of the two functions that come so far looks once, and
        // reads the keys as it starts.
        let asked = app.proxy.calls();
        let keys = asked.iter().filter(|call| call.keys()[0].0 == "KeysTable");
        assert!(keys.count() <= 6, "{asked:?}");
    }
}

mod case_04_claims {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn numbers_are_whole_and_plain() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let now = app.now();
        for name in ["exp", "iat"] {
            let stated = format!(r#""{name}":{}"#, parts.claims[name]);
            let later = now + DAY;
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
                token_refused(&app, &user, &changed, &parts.with_claims(&changed)).await;
            }
        }
        // Long ago is no fault: the session in the table tells how long it lasts.
        for iat in [0, 1, now - 20 * DAY] {
            let token = parts.with_claim("iat", json!(iat));
            let answer = app.get(&format!("/api/users/{}", user.id), &token).await;
            assert_eq!(answer.status, 200, "{iat}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_claim_is_stated_once_in_whatever_spelling() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
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
            token_refused(&app, &user, &changed, &parts.with_claims(&changed)).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_token_of_another_deployment_is_refused() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let other = TestApp::start().await;
        let others = other.sign_up("john").await;
        token_refused(&app, &user, "another's key and table", &others.token).await;
        token_refused(&other, &others, "the same the other way round", &user.token).await;
        // Even with our key, another's issuer or audience is another's.
        let parts = Parts::of(&app, &user.token).await;
        for name in ["iss", "aud"] {
            let own = parts.claims[name].as_str().unwrap();
            for foreign in [
                format!("{own}2"),
                format!("https://{own}"),
                format!("{own}\\u0000"),
                own.chars().rev().collect(),
            ] {
                let claims = with(&parts.claims, name, json!(foreign));
                token_refused(&app, &user, &foreign, &parts.with_claims(&claims)).await;
            }
        }
    }
}

mod case_07_signing_keys {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_is_not_published_or_not_any_more_proves_nothing() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let tables = Tables::of(&app);
        let mut jwks = tables.item("KeysTable", "jwks").await.unwrap();
        let path = format!("/api/users/{}", user.id);
        assert_eq!(app.get(&path, &user.token).await.status, 200);
        // The key is published until the very second.
        let until = app.now() + 1_000;
        jwks["keys"][0]["until"] = json!(until);
        tables.put("KeysTable", &jwks).await;
        app.advance(Duration::from_secs(999));
        assert_eq!(app.get(&path, &user.token).await.status, 200);
        app.advance(Duration::from_secs(1));
        token_refused(&app, &user, "not any more", &user.token).await;
        let published = app.get("/.well-known/jwks.json", "").await;
        assert_eq!(published.json(), json!({"keys": []}));
        // Nor does a stranger's under the published name.
        let stranger = Minter::stranger();
        let token = stranger.sign(&parts.header.to_string(), &parts.claims.to_string());
        token_refused(&app, &user, "a stranger's", &token).await;
    }
}

mod case_09_ids {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_path_is_taken_as_it_is_written() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let line = format!("authorization: Token {}", user.token);
        let lines = [line.as_bytes()];
        let own = user.id;
        for path in [
            format!("/api/users/{own};v=1"),
            format!("/api/users/{own}."),
            format!("/api/users/{own}%23"),
            format!("/api/users/{own}%3F"),
            format!("/api/users/%2e%2e%2f{own}"),
            "/api/users/%2e".to_owned(),
            "/api/users/.".to_owned(),
            "/api/users/\\".to_owned(),
            "/api/users/\u{663}".to_owned(),
            "/api/users/%C0%AF".to_owned(),
            "/api/users/%ED%A0%80".to_owned(),
            "/api/users/%u0031".to_owned(),
            format!("/api/users/{}", "9".repeat(4_000)),
            format!("/api/users/{}", "%31".repeat(2_000)),
            "/api/users/{id}".to_owned(),
            "/api/users/$default".to_owned(),
        ] {
            let answer = get(&app, &path, &lines).await;
            assert_eq!(answer.status, 400, "{path}: {answer:?}");
            assert!(answer.body.is_object(), "{path}: {answer:?}");
        }
        for path in [
            format!("/api/users/{own}/."),
            format!("/./api/users/{own}"),
            format!("/api/./users/{own}"),
            format!("/api/users/../users/{own}"),
            format!("/api/users\\{own}"),
            format!("/api%2Fusers%2F{own}"),
            format!("//localhost/api/users/{own}"),
            format!("/api/users/{own}//"),
        ] {
            let answer = get(&app, &path, &lines).await;
            let not_found = json!({"message": "Not Found"});
            assert_eq!((answer.status, answer.body), (404, not_found), "{path}");
        }
        for path in [
            format!("/api/users/{own}?"),
            format!("/api/users/{own}?id=1&id=2"),
            format!("/api/users/{own}?%zz&&=&#"),
            format!("/api/users/{own}#1"),
            format!("http://localhost/api/users/{own}"),
            format!("https://evil.example:99/api/users/{own}?x"),
        ] {
            let answer = get(&app, &path, &lines).await;
            assert_eq!(
                (answer.status, &answer.body["id"]),
                (200, &json!(own)),
                "{path}"
            );
        }
        for path in ["", "api/users/1", "/api/users/1 2", "/api/users/\u{1}"] {
            let answer = get(&app, path, &lines).await;
            let bad = json!({"message": "Bad Request"});
            assert_eq!((answer.status, answer.body), (400, bad), "{path}");
        }
        assert_eq!(app.details(&user).await.status, 200);
        let change = json!({"current-password": PASSWORD, "id": own});
        let wrong = app
            .request(Method::PATCH, &format!("/api/users/{own}"))
            .json(&change);
        assert_eq!(app.send(wrong).await.status, 404);
    }
}
