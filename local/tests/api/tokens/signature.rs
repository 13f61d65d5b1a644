//! Signatures and algorithms of session tokens.

use serde_json::json;

use crate::support::{
    app::TestApp,
    token_forge::{TokenParts, assert_token_rejected, decode, encode, sign_hs256, with, without},
};

/// The order of the group of P-256.
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

/// `token` with the part at `index` replaced.
fn replace_part(token: &str, index: usize, part: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[index] = part;
    parts.join(".")
}

mod case_02_forged_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn only_es256_is_accepted() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        for alg in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "RS256", "PS256", "ES384",
            "EdDSA", "es256", "ES256 ",
        ] {
            let changed = parts.with_header("alg", json!(alg));
            assert_token_rejected(&app, &user, &format!("alg {alg}"), &changed).await;
            let (unsigned, _) = changed.rsplit_once('.').unwrap();
            assert_token_rejected(
                &app,
                &user,
                &format!("alg {alg}, unsigned"),
                &format!("{unsigned}."),
            )
            .await;
            assert_token_rejected(&app, &user, &format!("alg {alg}, two parts"), unsigned).await;
        }
        for alg in [
            json!(null),
            json!(256),
            json!(["ES256"]),
            json!({"ES256": true}),
        ] {
            assert_token_rejected(
                &app,
                &user,
                &format!("alg {alg}"),
                &parts.with_header("alg", alg),
            )
            .await;
        }
        assert_token_rejected(
            &app,
            &user,
            "no alg",
            &parts.with_header_text(&without(&parts.header, "alg")),
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn public_values_are_no_hmac_secrets() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let parts = TokenParts::of(&app, &user.token).await;
        let claims = parts.claims.to_string();
        let jwk = parts.forge.jwk();
        let published = app.get("/.well-known/jwks.json", "").await.text;
        let secrets = [
            ("PEM", parts.forge.pem().into_bytes()),
            (
                "PEM without its last line break",
                parts.forge.pem().trim_end().as_bytes().to_vec(),
            ),
            ("DER", parts.forge.der()),
            ("the point", parts.forge.der()[26..].to_vec()),
            ("JWK", jwk.to_string().into_bytes()),
            ("x", decode(jwk["x"].as_str().unwrap())),
            ("the published set", published.into_bytes()),
            ("kid", parts.forge.kid.clone().into_bytes()),
            ("nothing", Vec::new()),
        ];
        for (what, secret) in secrets {
            for alg in ["HS256", "ES256"] {
                let token = sign_hs256(&secret, &with(&parts.header, "alg", json!(alg)), &claims);
                assert_token_rejected(&app, &user, &format!("{alg} keyed with {what}"), &token)
                    .await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn modified_tokens_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = user.token.as_str();
        for (index, part) in token.split('.').enumerate() {
            let bytes = decode(part);
            for place in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
                for bit in [0, 7] {
                    let mut flipped = bytes.clone();
                    flipped[place] ^= 1 << bit;
                    let what = format!("part {index}, byte {place}, bit {bit}");
                    assert_token_rejected(
                        &app,
                        &user,
                        &what,
                        &replace_part(token, index, &encode(flipped)),
                    )
                    .await;
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
                assert_token_rejected(
                    &app,
                    &user,
                    &format!("part {index}: {changed}"),
                    &replace_part(token, index, &changed),
                )
                .await;
            }
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_signatures_and_payloads_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let other = app.sign_up("jane").await;
        let token = user.token.as_str();
        // The last character of a signature has four unused bits, which allow another spelling of the same bytes.
        let last = token.chars().last().unwrap();
        let next = char::from_u32(u32::from(last) + 1).unwrap();
        assert_token_rejected(
            &app,
            &user,
            "another spelling",
            &format!("{}{next}", &token[..token.len() - 1]),
        )
        .await;
        let others: Vec<&str> = other.token.split('.').collect();
        assert_token_rejected(
            &app,
            &user,
            "another's payload",
            &replace_part(token, 1, others[1]),
        )
        .await;
        assert_token_rejected(
            &app,
            &user,
            "another's signature",
            &replace_part(token, 2, others[2]),
        )
        .await;
        assert_token_rejected(
            &app,
            &user,
            "a signature of zeros",
            &replace_part(token, 2, &encode([0; 64])),
        )
        .await;
        assert_token_rejected(
            &app,
            &user,
            "a signature in hexadecimal",
            &replace_part(token, 2, &"0".repeat(128)),
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tokens_with_other_parts_are_rejected() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let token = user.token.as_str();
        let parts: Vec<&str> = token.split('.').collect();
        for extra in [
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{}", parts[2]),
            format!("{token}.e30.e30"),
        ] {
            assert_token_rejected(&app, &user, "more parts", &extra).await;
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
            assert_token_rejected(&app, &user, text, text).await;
        }
        assert_eq!(app.details(&user).await.status, 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_signatures_are_rejected() {
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
            assert_token_rejected(&app, &user, what, &token).await;
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
            assert_token_rejected(&app, &user, what, &changed).await;
        }
        if standard != token {
            assert_token_rejected(&app, &user, "the other alphabet", &standard).await;
        }
    }
}
