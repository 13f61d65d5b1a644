//! Session tokens, families 1 to 6: the endpoints that ask for one refuse every other in the same way.

use std::net::TcpListener;

use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    app::{Answer, OTHER_PASSWORD, PASSWORD, SessionResponse, TestApp, problem},
    minter::{Minter, decode, encode, part, sign_hs256},
    raw::{self, IN_TIME},
    tables::Tables,
};

pub const DAY: u64 = 24 * 60 * 60;

/// One good request, but for the token, to every function that asks for one. None would be refused for another reason,
/// and the last would end the session.
pub fn requests(app: &TestApp, user: &SessionResponse) -> Vec<(&'static str, RequestBuilder)> {
    let change = json!({"current-password": PASSWORD, "first_name": "Mallory"});
    vec![
        (
            "get_user",
            app.request(Method::GET, &format!("/api/users/{}", user.id)),
        ),
        (
            "update_details",
            app.request(Method::PATCH, "/api/users/update_details")
                .json(&change),
        ),
        ("log_out", app.request(Method::POST, "/auth/logout")),
    ]
}

/// Sends every request with each of `credentials` in a header of its own, and makes sure that it is refused and that
/// nothing changed.
pub async fn refused(app: &TestApp, user: &SessionResponse, what: &str, credentials: &[&[u8]]) {
    let before = Tables::of(app).all("UsersTable").await;
    for (function, mut request) in requests(app, user) {
        for value in credentials {
            request = request.header("authorization", HeaderValue::from_bytes(value).unwrap());
        }
        let answer = timeout(IN_TIME, app.send(request)).await.unwrap();
        assert_refusal(&answer, &format!("{what} to {function}"));
    }
    let after = Tables::of(app).all("UsersTable").await;
    assert_eq!(sorted(before), sorted(after), "{what}");
}

pub async fn token_refused(app: &TestApp, user: &SessionResponse, what: &str, token: &str) {
    refused(app, user, what, &[format!("Token {token}").as_bytes()]).await;
}

pub fn assert_refusal(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    assert_eq!(
        answer.problem(),
        problem(401, "not_authenticated"),
        "{what}"
    );
    assert_eq!(answer.header("www-authenticate"), Some("Token"), "{what}");
}

fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| item["pk"].to_string());
    items
}

/// What a real token consists of, to be changed.
pub struct Parts {
    pub minter: Minter,
    pub header: Value,
    pub claims: Value,
}

impl Parts {
    pub async fn of(app: &TestApp, token: &str) -> Self {
        Self {
            minter: Minter::of(app).await,
            header: part(token, 0),
            claims: part(token, 1),
        }
    }

    /// The token with one member of its header changed.
    pub fn with_header(&self, name: &str, value: Value) -> String {
        self.minter
            .sign(&with(&self.header, name, value), &self.claims.to_string())
    }

    /// The token with one claim changed.
    pub fn with_claim(&self, name: &str, value: Value) -> String {
        self.minter
            .sign(&self.header.to_string(), &with(&self.claims, name, value))
    }

    /// The token with the text of these claims.
    pub fn with_claims(&self, claims: &str) -> String {
        self.minter.sign(&self.header.to_string(), claims)
    }
}

pub fn with(object: &Value, name: &str, value: Value) -> String {
    let mut object = object.clone();
    object[name] = value;
    object.to_string()
}

pub fn without(object: &Value, name: &str) -> String {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name).unwrap();
    object.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_like_the_real_one_and_every_scheme_are_accepted() {
    let app = TestApp::start().await;
    let user = app.sign_up("john").await;
    let parts = Parts::of(&app, &user.token).await;
    // The control of every test below: what it changes is all that is wrong with its token.
    let minted = parts.with_claims(&parts.claims.to_string());
    assert_ne!(minted, user.token);
    for scheme in [
        "Token", "token", "TOKEN", "tOkEn", "Bearer", "bearer", "BEARER",
    ] {
        for (function, request) in requests(&app, &user).into_iter().take(2) {
            let answer = app
                .send(request.header("authorization", format!("{scheme} {minted}")))
                .await;
            assert_eq!(answer.status, 200, "{scheme} to {function}: {answer:?}");
        }
    }
    assert_eq!(app.log_out(&minted).await.status, 204);
    token_refused(&app, &user, "after signing out", &minted).await;
}

mod case_01_credentials {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn without_exactly_one_credential_of_a_known_scheme_nobody_is_signed_in() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = user.token.as_str();
        refused(&app, &user, "no header", &[]).await;
        let long = "a".repeat(9 * 1024);
        let longer = format!("{token}{}", "A".repeat(8 * 1024));
        for value in [
            String::new(),
            "Token".to_owned(),
            "Token ".to_owned(),
            "Bearer".to_owned(),
            token.to_owned(),
            format!("Token{token}"),
            format!("Token\t{token}"),
            format!("Token:{token}"),
            format!("Token={token}"),
            format!("Token \"{token}\""),
            format!("Token token={token}"),
            format!("Basic {token}"),
            format!("JWT {token}"),
            format!("Tokens {token}"),
            format!("Token {token},Token {token}"),
            format!("Token {token}, Token {token}"),
            format!("Token {token},{token}"),
            format!("Token {token} {token}"),
            format!("Token {token};"),
            format!("Token Token {token}"),
            format!("Token {long}"),
            format!("Token {longer}"),
            format!("{long} {token}"),
            long.clone(),
        ] {
            let what: String = value.chars().take(60).collect();
            refused(&app, &user, &what, &[value.as_bytes()]).await;
        }
        let good = format!("Token {token}");
        refused(
            &app,
            &user,
            "two equal headers",
            &[good.as_bytes(), good.as_bytes()],
        )
        .await;
        refused(
            &app,
            &user,
            "a good and a bad header",
            &[good.as_bytes(), b"Token x"],
        )
        .await;
        refused(
            &app,
            &user,
            "a good and an empty header",
            &[good.as_bytes(), b""],
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bytes_that_are_not_ascii_are_no_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for bytes in [
            "\u{fc}".as_bytes(),
            b"\xff\xfe",
            b"\xc0\xaf",
            "\u{202e}".as_bytes(),
            b"\x80",
        ] {
            for value in [
                [b"Token ", bytes].concat(),
                [b"Token ", bytes, user.token.as_bytes()].concat(),
                [b"Token ", user.token.as_bytes(), bytes].concat(),
                [bytes, b"Token ", user.token.as_bytes()].concat(),
            ] {
                refused(&app, &user, &format!("{bytes:?}"), &[&value]).await;
                let line = [b"authorization: ".as_slice(), &value].concat();
                let path = format!("GET /api/users/{}", user.id);
                let answer = raw::send(&app, &path, &[b"host: localhost", &line], b"").await;
                assert_eq!(answer.status, 401, "{answer:?}");
                assert_eq!(answer.body["code"], "not_authenticated");
                assert!(
                    answer.head.contains("\r\nwww-authenticate: token\r\n"),
                    "{answer:?}"
                );
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn control_characters_in_an_events_header_are_no_token() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        for character in ["\0", "\n", "\r\n", "\u{1}", "\u{7f}", "\u{85}"] {
            for function in ["get_user", "update_details", "log_out"] {
                for value in [
                    format!("Token {}{character}", user.token),
                    format!("Token {character}{}", user.token),
                ] {
                    let change = |event: &mut Value| {
                        event["headers"]["authorization"] = json!(value);
                        event["pathParameters"] = json!({"id": user.id.to_string()});
                    };
                    let (status, body) = app.invoke(function, change).await;
                    assert_eq!(
                        (status, &body["code"]),
                        (401, &json!("not_authenticated")),
                        "{character:?}"
                    );
                }
            }
        }
        assert_eq!(app.details(&user).await.status, 200);
    }
}

mod case_02_forgeries {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_other_algorithm_is_believed() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        for alg in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "RS256", "PS256", "ES384",
            "EdDSA", "es256", "ES256 ",
        ] {
            let changed = parts.with_header("alg", json!(alg));
            token_refused(&app, &user, &format!("alg {alg}"), &changed).await;
            let (unsigned, _) = changed.rsplit_once('.').unwrap();
            token_refused(
                &app,
                &user,
                &format!("alg {alg}, unsigned"),
                &format!("{unsigned}."),
            )
            .await;
            token_refused(&app, &user, &format!("alg {alg}, two parts"), unsigned).await;
        }
        for alg in [
            json!(null),
            json!(256),
            json!(["ES256"]),
            json!({"ES256": true}),
        ] {
            token_refused(
                &app,
                &user,
                &format!("alg {alg}"),
                &parts.with_header("alg", alg),
            )
            .await;
        }
        token_refused(
            &app,
            &user,
            "no alg",
            &parts.minter.sign(&without(&parts.header, "alg"), &claims),
        )
        .await;
        let jwk = parts.minter.jwk();
        let published = app.get("/.well-known/jwks.json", "").await.text;
        let secrets = [
            ("PEM", parts.minter.pem().into_bytes()),
            (
                "PEM without its last line break",
                parts.minter.pem().trim_end().as_bytes().to_vec(),
            ),
            ("DER", parts.minter.der()),
            ("the point", parts.minter.der()[26..].to_vec()),
            ("JWK", jwk.to_string().into_bytes()),
            ("x", decode(jwk["x"].as_str().unwrap())),
            ("the published set", published.into_bytes()),
            ("kid", parts.minter.kid.clone().into_bytes()),
            ("nothing", Vec::new()),
        ];
        for (what, secret) in secrets {
            for alg in ["HS256", "ES256"] {
                let token = sign_hs256(&secret, &with(&parts.header, "alg", json!(alg)), &claims);
                token_refused(&app, &user, &format!("{alg} keyed with {what}"), &token).await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_that_was_touched_anywhere_is_refused() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let other = app.sign_up("jane").await;
        let token = user.token.as_str();
        let parts: Vec<&str> = token.split('.').collect();
        let rebuilt = |index: usize, part: &str| {
            let mut parts = parts.clone();
            parts[index] = part;
            parts.join(".")
        };
        for (index, part) in parts.iter().enumerate() {
            let bytes = decode(part);
            for place in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
                for bit in [0, 7] {
                    let mut flipped = bytes.clone();
                    flipped[place] ^= 1 << bit;
                    let what = format!("part {index}, byte {place}, bit {bit}");
                    token_refused(&app, &user, &what, &rebuilt(index, &encode(flipped))).await;
                }
            }
            for changed in [
                format!("{part}="),
                format!("{part}=="),
                format!("{part}A"),
                format!(" {part}"),
                part[1..].to_owned(),
                part[..part.len() - 1].to_owned(),
                String::new(),
            ] {
                token_refused(
                    &app,
                    &user,
                    &format!("part {index}: {changed}"),
                    &rebuilt(index, &changed),
                )
                .await;
            }
        }
        // The last character of a signature has four bits that say nothing: a second spelling of the same bytes.
        let last = token.chars().last().unwrap();
        let next = char::from_u32(u32::from(last) + 1).unwrap();
        token_refused(
            &app,
            &user,
            "another spelling",
            &format!("{}{next}", &token[..token.len() - 1]),
        )
        .await;
        let others: Vec<&str> = other.token.split('.').collect();
        token_refused(&app, &user, "another's payload", &rebuilt(1, others[1])).await;
        token_refused(&app, &user, "another's signature", &rebuilt(2, others[2])).await;
        token_refused(
            &app,
            &user,
            "a signature of zeros",
            &rebuilt(2, &encode([0; 64])),
        )
        .await;
        token_refused(
            &app,
            &user,
            "a signature in hexadecimal",
            &rebuilt(2, &"0".repeat(128)),
        )
        .await;
        for extra in [
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{}", parts[2]),
            format!("{token}.e30.e30"),
        ] {
            token_refused(&app, &user, "more parts", &extra).await;
        }
        for text in [
            ".",
            "..",
            "...",
            "e30",
            "e30.e30.e30",
            "null",
            "%00",
            "-",
            "a.b.c",
        ] {
            token_refused(&app, &user, text, text).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }
}

mod case_03_headers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_header_names_our_key_and_nothing_else() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let stranger = Minter::stranger();
        let unheard = TcpListener::bind("127.0.0.1:0").unwrap();
        unheard.set_nonblocking(true).unwrap();
        let url = format!("http://{}/jwks.json", unheard.local_addr().unwrap());
        for kid in [
            json!(stranger.kid),
            json!("a".repeat(43)),
            json!("a".repeat(5 * 1024)),
            json!(""),
            json!("../../../../../dev/null"),
            json!("/dev/null"),
            json!("signing"),
            json!("' OR 1=1 --"),
            json!(format!("{}\0", parts.minter.kid)),
            json!(format!(" {}", parts.minter.kid)),
            json!(parts.minter.kid.to_uppercase()),
            json!(url),
            json!(0),
            json!(null),
            json!([parts.minter.kid]),
        ] {
            token_refused(
                &app,
                &user,
                &format!("kid {kid}"),
                &parts.with_header("kid", kid),
            )
            .await;
        }
        for (name, value) in [
            ("jku", json!(url)),
            ("x5u", json!(url)),
            ("jwk", stranger.jwk()),
            ("jwk", parts.minter.jwk()),
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
            token_refused(
                &app,
                &user,
                &format!("{name} {value}"),
                &parts.with_header(name, value),
            )
            .await;
        }
        // Whatever a stranger puts into the header, the stranger's signature is not ours.
        for (name, value) in [
            ("kid", json!(stranger.kid)),
            ("kid", json!(parts.minter.kid)),
            ("jwk", stranger.jwk()),
            ("jku", json!(url)),
            ("x5u", json!(url)),
        ] {
            let token = stranger.sign(&with(&parts.header, name, value), &claims);
            token_refused(&app, &user, &format!("a stranger's, with {name}"), &token).await;
        }
        for name in ["kid", "typ"] {
            let token = parts.minter.sign(&without(&parts.header, name), &claims);
            token_refused(&app, &user, &format!("no {name}"), &token).await;
        }
        let heard = unheard.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(
            heard,
            Err(std::io::ErrorKind::WouldBlock),
            "an address in a token was followed"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_header_is_one_object_with_its_three_members_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let header = parts.header.to_string();
        let more = |more: &str| format!("{},{more}}}", header.strip_suffix('}').unwrap());
        for header in [
            more(r#""alg":"ES256""#),
            more(r#""typ":"at+jwt""#),
            more(&format!(r#""kid":"{}""#, parts.minter.kid)),
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
            token_refused(
                &app,
                &user,
                &format!("header {header}"),
                &parts.minter.sign(&header, &claims),
            )
            .await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_name_of_ten_kilobytes_is_refused_by_the_functions_too() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
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
}

mod case_04_claims {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_claim_must_be_there_once_of_its_type_and_right() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        let now = app.now();
        let text = |name: &str| parts.claims[name].as_str().unwrap().to_owned();
        let (iss, aud, sub, jti) = (text("iss"), text("aud"), text("sub"), text("jti"));
        for (name, value) in [
            ("exp", json!(now)),
            ("exp", json!(now - 1)),
            ("exp", json!(now - DAY)),
            ("exp", json!(0)),
            ("exp", json!(-1)),
            ("exp", json!(null)),
            ("exp", json!((now + DAY).to_string())),
            ("exp", json!([now + DAY])),
            ("exp", json!({})),
            ("exp", json!(true)),
            ("exp", json!(1.5e300)),
            ("iat", json!(now + 6)),
            ("iat", json!(now + DAY)),
            ("iat", json!(null)),
            ("iat", json!(now.to_string())),
            ("iat", json!(-1)),
            ("iat", json!(u64::MAX)),
            ("nbf", json!(now + DAY)),
            ("nbf", json!("now")),
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
            token_refused(
                &app,
                &user,
                &format!("{name} {value}"),
                &parts.with_claim(name, value),
            )
            .await;
        }
        let names = ["iss", "aud", "sub", "iat", "exp", "jti"];
        for name in names {
            let token = parts.with_claims(&without(&parts.claims, name));
            token_refused(&app, &user, &format!("no {name}"), &token).await;
            let again = format!(
                r#"{},"{name}":{}}}"#,
                parts.claims.to_string().trim_end_matches('}'),
                parts.claims[name]
            );
            token_refused(&app, &user, &again, &parts.with_claims(&again)).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn claims_are_one_object_of_plain_numbers_and_texts() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
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
            token_refused(&app, &user, &changed, &parts.with_claims(&changed)).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn clocks_may_be_apart_by_five_seconds_and_a_token_lives_for_fourteen_days() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = Parts::of(&app, &user.token).await;
        assert_eq!(parts.claims["exp"], app.now() + 14 * DAY);
        let early = parts.with_claim("iat", json!(app.now() + 5));
        assert_eq!(
            app.get(&format!("/api/users/{}", user.id), &early)
                .await
                .status,
            200
        );
        app.advance(std::time::Duration::from_secs(14 * DAY - 1));
        assert_eq!(app.details(&user).await.status, 200);
        app.advance(std::time::Duration::from_secs(1));
        token_refused(&app, &user, "expired", &user.token).await;
        // The session has ended, so a token that claims to live longer does not.
        let longer = parts.with_claim("exp", json!(app.now() + DAY));
        let answer = app.get(&format!("/api/users/{}", user.id), &longer).await;
        assert_refusal(&answer, "of an expired session");
    }
}

mod case_05_ended_sessions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_belongs_to_its_user() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        let parts = Parts::of(&app, &user.token).await;
        let swapped = parts.with_claim("sub", json!(other.id.to_string()));
        token_refused(&app, &other, "another's sub with one's own jti", &swapped).await;
        let swapped = parts.with_claim("jti", part(&other.token, 1)["jti"].clone());
        token_refused(&app, &user, "one's own sub with another's jti", &swapped).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_token_of_a_user_who_is_gone_is_refused() {
        let app = TestApp::start().await;
        let (user, other) = (app.sign_up("john").await, app.sign_up("jane").await);
        let tables = Tables::of(&app);
        for key in [
            format!("user#{}", user.id),
            "email#john@example.com".to_owned(),
            "username#john".to_owned(),
        ] {
            tables.delete("UsersTable", &key).await;
        }
        token_refused(&app, &user, "gone", &user.token).await;
        assert_eq!(
            tables
                .item("UsersTable", &format!("user#{}", user.id))
                .await,
            None
        );
        assert_eq!(app.details(&other).await.status, 200);
        // Somebody new with the old names is somebody else.
        let new = app.sign_up("john").await;
        token_refused(&app, &new, "of the one before", &user.token).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_that_was_ended_is_refused_at_once() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let second = app.token("john", PASSWORD).await;
        let third = app.token("john", PASSWORD).await;
        let own = format!("/api/users/{}", user.id);
        assert_eq!(app.log_out(&user.token).await.status, 204);
        token_refused(&app, &user, "signed out", &user.token).await;
        assert_eq!(app.get(&own, &second).await.status, 200);
        let change = json!({"current-password": PASSWORD, "password": OTHER_PASSWORD});
        assert_eq!(app.update(&second, &change).await.status, 200);
        app.mail();
        token_refused(&app, &user, "from before the change", &third).await;
        assert_eq!(app.get(&own, &second).await.status, 200);
        let reset = app.reset_token("john@example.com").await;
        assert_eq!(app.complete(&reset, PASSWORD).await.status, 201);
        app.mail();
        token_refused(&app, &user, "from before the reset", &second).await;
        let fourth = app.token("john", PASSWORD).await;
        assert_eq!(app.get(&own, &fourth).await.status, 200);
    }
}

mod case_06_kinds_of_token {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_kind_of_token_is_not_the_other() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let reset = app.reset_token("john@example.com").await;
        token_refused(&app, &user, "a reset token", &reset).await;
        let (_, secret) = reset.split_once('-').unwrap();
        token_refused(&app, &user, "a reset token's secret", secret).await;
        let answer = app.complete(&user.token, OTHER_PASSWORD).await;
        assert_eq!(answer.problem(), problem(400, "invalid_token"));
        let jti = part(&user.token, 1)["jti"].as_str().unwrap().to_owned();
        let (id, _) = reset.split_once('-').unwrap();
        let answer = app.complete(&format!("{id}-{jti}"), OTHER_PASSWORD).await;
        assert_eq!(answer.problem(), problem(400, "invalid_token"));
        // Neither was used up by the other.
        assert_eq!(app.details(&user).await.status, 200);
        assert_eq!(app.complete(&reset, OTHER_PASSWORD).await.status, 201);
        app.mail();
    }
}
