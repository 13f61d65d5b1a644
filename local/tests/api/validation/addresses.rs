//! E-mail addresses: the same rules at every endpoint.

use serde_json::json;

use crate::support::{
    app::{PASSWORD, TestApp, TestUser, with_current_password},
    paths::{LOG_IN, RESET_PASSWORD, SIGN_UP},
    response::field_error,
};

/// Malformed addresses.
const MALFORMED: &[&str] = &[
    "john",
    "@",
    "john@",
    "@example.com",
    "john@@example.com",
    "john@example@com",
    "john@example",
    "john@localhost",
    ".john@example.com",
    "john.@example.com",
    "jo..hn@example.com",
    "\"john\"@example.com",
    "\"jo hn\"@example.com",
    "\"john..doe\"@example.com",
    "\"\"@example.com",
    "john(c)@example.com",
    "john@(c)example.com",
    "john@example.com(c)",
    "<john@example.com>",
    "John <john@example.com>",
    "<john@example.com",
    "john@example.com>",
    "mailto:john@example.com",
    "john@example.com?cc=jane@example.com",
    "john@example.com#x",
    "john@example.com/x",
    "john@example.com:25",
    "john@example.com,",
    "john@example.com;",
    ",john@example.com",
    "john@example.com,jane@example.com",
    "group:john@example.com;",
    "@relay.example:john@example.com",
    "john%40example.com",
    "john@example%2ecom",
    "john\\@example.com",
    "jo\\hn@example.com",
    "jo hn@example.com",
    "john @example.com",
    "john@ example.com",
    "john@exa mple.com",
    "john@example .com",
    "john@example. com",
    "jo\thn@example.com",
    "john@example.com\r\nBcc: jane@example.com",
    "john\n@example.com",
    "john@\r\nexample.com",
    "\u{b}john@example.com",
    "\u{a0}john@example.com",
    "john@example.com\u{3000}",
    "\u{feff}john@example.com",
    "\u{200b}john@example.com",
    "john@example.com\u{200b}",
    "john@example.com\u{ad}",
    "john@example.com.",
    "john@example.com..",
    "john@.example.com",
    "john@example..com",
    "john@.",
    "john@..",
    "john@example.com\u{3002}",
    "john@example.com\u{ff0e}",
    "john@example.com\u{ff61}",
    "john@\u{3002}example.com",
    "john@-example.com",
    "john@example-.com",
    "john@example.-com",
    "john@example.com-",
    "john@exa_mple.com",
    "john@_dmarc.example.com",
    "john@exa!mple.com",
    "john@exa*mple.com",
    "john@*.example.com",
    "john@exa%mple.com",
    "john@exa+mple.com",
    "john@exa'mple.com",
    "john@127.0.0.1",
    "john@[127.0.0.1]",
    "john@[IPv6:2001:db8::1]",
    "john@[example.com]",
    "john@2001:db8::1",
    "john@::1",
    "john@127.1",
    "john@2130706433",
    "john@0x7f000001",
    "john@0x7f.0.0.0x1",
    "john@0177.0.0.01",
    "john@example.123",
    "john@example.0x7f",
    "john@example.1com",
    "john@\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    "john@\u{2460}.\u{2461}.\u{2462}.\u{2463}",
    "john@xn--.example",
    "john@xn--a.example",
    "john@xn--example-.com",
    "john@XN--EXAMPLE-.com",
    "john@xn--zzzzzzzzz99999999.example",
    "john@xn--bcher-kv\u{e4}.example",
    "john@xn---.example",
    "john@xn--ab-j1t.com",
    "john@xn--ab-m1t.com",
    "john@exa\u{200c}mple.com",
    "john@exa\u{200d}mple.com",
    "john@exa\u{202e}mple.com",
    "john@exa\u{2066}mple.com",
    "john@exa\u{85}mple.com",
    "john@exa\u{2028}mple.com",
    "john@exa\u{fffd}mple.com",
    "john@exa\u{ffff}mple.com",
    "john@exa\u{e000}mple.com",
    "john@exa\u{378}mple.com",
    "john@\u{301}example.com",
    "john@a\u{5d0}.example",
    "john@\u{5d0}a.example",
    "john@\u{2100}.com",
    "john@a\u{ff0f}b.com",
    "john@a\u{ff20}b.com",
    "john@a\u{ff1a}25.com",
    "john@a\u{ff05}00.com",
    "john@a\u{3000}b.com",
    "john\u{ff20}example.com",
    "john\u{fe6b}example.com",
    "j\u{f6}hn@example.com",
    "\u{212a}ohn@example.com",
    "j\u{131}hn@example.com",
    "j\u{43e}hn@example.com",
    "\u{ff4a}ohn@example.com",
    "john\u{301}@example.com",
    "john\u{200d}@example.com",
    "john\u{ad}@example.com",
    "john\u{7f}@example.com",
    "john\u{80}@example.com",
    // RFC 2047, section 5: not allowed in addresses, but decoded by some mail software.
    "=?utf-8?q?john?=@example.com",
    "=?utf-8?Q?=61=62?=@example.com",
    "=?UTF-8?b?am9obg==?=@example.com",
    "x=?x?q?john=40evil.example=3e=20?=x@example.com",
    "=?iso-8859-1?q?=00?=foo@example.com",
];

/// All malformed addresses, including those with a part that is too long.
fn malformed() -> Vec<String> {
    let mut all: Vec<_> = MALFORMED.iter().map(|text| (*text).to_owned()).collect();
    all.extend([
        format!("john@{}.example", "b".repeat(64)),
        // A label of few characters that is too long in punycode.
        format!("john@{}.example", "\u{fc}".repeat(60)),
        format!("john@example.{}", "c".repeat(64)),
        "john@".to_owned() + &".".repeat(100),
        "@".repeat(100),
    ]);
    all
}

/// The errors for an address at each endpoint that accepts one.
async fn errors_everywhere(
    app: &TestApp,
    user: &TestUser,
    email: &str,
) -> [Vec<(String, String)>; 4] {
    // Each request has an unknown field, so that it has no effect even if the address is accepted.
    let new = json!({"username": "somebody", "email": email, "password": PASSWORD, "beside": 1});
    let log_in = json!({"email": email, "password": PASSWORD, "beside": 1});
    let update = with_current_password(json!({"email": email, "beside": 1}));
    let reset = json!({"email": email, "beside": 1});
    [
        app.post(SIGN_UP, &new).await.field_errors(),
        app.post(LOG_IN, &log_in).await.field_errors(),
        app.update(&user.token, &update).await.field_errors(),
        app.post(RESET_PASSWORD, &reset).await.field_errors(),
    ]
}

async fn check(app: &TestApp, user: &TestUser, email: &str, code: Option<&str>) {
    let beside = field_error("beside", "unknown_field");
    let expected = match code {
        Some(code) => vec![field_error("email", code), beside],
        None => vec![beside],
    };
    for errors in errors_everywhere(app, user, email).await {
        assert_eq!(errors, expected, "{email:?}");
    }
}

mod case_16_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_addresses_are_rejected_everywhere() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        let before = app.tables().snapshot().await;
        for email in malformed() {
            check(&app, &user, &email, Some("invalid")).await;
            let padded = format!(" {email}\r\n");
            check(&app, &user, &padded, Some("invalid")).await;
        }
        assert_eq!(app.tables().snapshot().await, before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unusual_addresses_are_accepted_up_to_254_bytes() {
        let app = TestApp::without_source_limits().await;
        let user = app.sign_up("john").await;
        for email in [
            "a@b.co",
            "1@2.example",
            "john@1.2.3.example",
            "john@a-b.example",
            "john@r3---sn.example",
            "J+t.x@a.b.example",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "=?x@example.com",
            "=??=@example.com",
            "x=?a?c?b?=@example.com",
            "-@example.com",
            "john@xn--fa-hia.example",
            "john@fa\u{df}.example",
            "john@\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}",
            "john@\u{ff45}xample\u{3002}com",
            "john@\u{fb01}sh.example",
            "john@\u{2460}.example",
            "\tjohn@example.com\n",
        ] {
            check(&app, &user, email, None).await;
        }
        let (local, label) = ("a".repeat(64), "b".repeat(63));
        let longest = format!("{local}@{label}.{label}.{}", "c".repeat(61));
        check(&app, &user, &longest, None).await;
        check(&app, &user, &format!("  {longest}  "), None).await;
        check(&app, &user, &format!("{longest}c"), Some("too_long")).await;
        check(
            &app,
            &user,
            &format!("a{local}@example.com"),
            Some("too_long"),
        )
        .await;
        // Few characters as typed, but 255 bytes in ASCII.
        let unicode = format!("{local}@{}example.com", "b\u{fc}.".repeat(19));
        check(&app, &user, &unicode, Some("too_long")).await;
    }

    /// Some scripts need joiners in their words; in other scripts they would be invisible.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_domain_with_a_joiner_equals_its_punycode() {
        let app = TestApp::without_source_limits().await;
        for (number, (unicode, ascii)) in [
            (
                "\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3}.example",
                "xn--10cl1a0b660p.example",
            ),
            (
                "\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}.example",
                "xn--mgba3gch31f060k.example",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("user{number}");
            let signed_up = app
                .try_sign_up(&name, &format!("jo@{unicode}"), PASSWORD)
                .await;
            assert_eq!(signed_up.status, 201, "{signed_up:?}");
            let again = app
                .try_sign_up("other", &format!("jo@{ascii}"), PASSWORD)
                .await;
            assert_eq!(again.field_error(), field_error("email", "taken"));
            app.token(&format!("JO@{ascii}"), PASSWORD).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_spelling_of_an_address_is_one_account() {
        let app = TestApp::without_source_limits().await;
        let response = app
            .try_sign_up("hans", "Hans@Fi\u{df}chb\u{fc}cher.example", PASSWORD)
            .await;
        assert_eq!(response.status, 201);
        let token = response.token();
        let jane = app.sign_up("jane").await;
        for spelling in [
            "hans@fi\u{df}chb\u{fc}cher.example",
            "HANS@FI\u{1e9e}CHB\u{dc}CHER.EXAMPLE",
            "hans@fi\u{df}chbu\u{308}cher.example",
            "hAnS@xN--fichbcher-h1a63a.example",
            "hans@\u{ff46}i\u{df}chb\u{fc}cher\u{3002}\u{ff25}xample",
            " \t\r\nhans@fi\u{df}chb\u{fc}cher.example\u{c} ",
        ] {
            app.token(spelling, PASSWORD).await;
            let refused = app.try_sign_up("other", spelling, PASSWORD).await;
            assert_eq!(
                refused.field_error(),
                field_error("email", "taken"),
                "{spelling:?}"
            );
            let change = with_current_password(json!({"email": spelling}));
            let refused = app.update(&jane.token, &change).await;
            assert_eq!(
                refused.field_error(),
                field_error("email", "taken"),
                "{spelling:?}"
            );
            assert_eq!(app.request_reset(spelling).await.status, 200);
            let own = app.update(&token, &change).await;
            assert_eq!(
                (own.status, &own.json()["email"]),
                (200, &json!(spelling.trim_ascii()))
            );
        }
        app.mail();
        // Look-alikes are different addresses.
        for (number, other) in [
            "hans@fisschb\u{fc}cher.example",
            "hans@fi\u{df}chbucher.example",
            "ha.ns@fi\u{df}chb\u{fc}cher.example",
            "hans+x@fi\u{df}chb\u{fc}cher.example",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(app.log_in(other, PASSWORD).await.status, 401, "{other}");
            let free = app
                .try_sign_up(&format!("free{number}"), other, PASSWORD)
                .await;
            assert_eq!(free.status, 201, "{other}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unicode_and_punycode_domains_are_one_account() {
        let app = TestApp::start().await;
        let sign_up = async |name: &str, email: &str| {
            let body = json!({"username": name, "email": email, "password": PASSWORD});
            app.post(SIGN_UP, &body).await
        };
        assert_eq!(sign_up("first", "jo@b\u{fc}cher.example").await.status, 201);
        for email in [
            "jo@B\u{dc}CHER.example",
            "JO@xn--bcher-kva.example",
            "jo@bu\u{308}cher.EXAMPLE",
        ] {
            assert_eq!(
                sign_up("second", email).await.field_error(),
                field_error("email", "taken"),
                "{email}"
            );
            app.token(email, PASSWORD).await;
        }
    }
}
