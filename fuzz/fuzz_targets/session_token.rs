//! Session tokens: only a token as a log-in issues it is accepted, even among tokens signed with the real key.

#![no_main]

use std::{fmt, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fuzz::{NOW, World, split_at_first};
use lambda_http::{
    Body, Request,
    http::{HeaderValue, header::AUTHORIZATION},
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, de::Deserializer};
use shared::{auth::signer::SigningKey, domain::user_id::UserId};

struct Bench {
    world: World,
    key: std::sync::Arc<SigningKey>,
}

thread_local! {
    static BENCH: OnceLock<Bench> = const { OnceLock::new() };
}

// Input: after `=`, edits of a valid token, three bytes each; from `{` or `[`, header and claims, one a line, to be
// signed with the real key; anything else is the value of the header `Authorization`.
fuzz_target!(|data: &[u8]| {
    BENCH.with(|bench| {
        let bench = bench.get_or_init(Bench::start);
        match data {
            [b'=', edits @ ..] => bench.check_edited(edits),
            [b'{' | b'[', ..] => bench.check_signed(data),
            _ => bench.check_value(data),
        }
    });
});

impl Bench {
    fn start() -> Self {
        let world = World::start();
        let key = world.run(world.app.signer.key()).expect("a key");
        let bench = Self { world, key };
        let valid = bench.world.token.clone();
        assert_eq!(
            bench.authenticated(format!("Bearer {valid}").as_bytes()),
            Some(bench.world.user)
        );
        bench
    }

    /// Returns the user that a request with this header authenticates as.
    fn authenticated(&self, authorization: &[u8]) -> Option<UserId> {
        let mut request = Request::new(Body::Empty);
        let value = HeaderValue::from_bytes(authorization).ok()?;
        request.headers_mut().insert(AUTHORIZATION, value);
        let token = self.world.run(self.world.app.verify_token(&request));
        token.ok().map(|token| token.user)
    }

    fn check_value(&self, value: &[u8]) {
        let text = String::from_utf8_lossy(value).replace("{{TOKEN}}", &self.world.token);
        let user = if text.len() == value.len() {
            self.authenticated(value)
        } else {
            self.authenticated(text.as_bytes())
        };
        let (scheme, token) = split_at_first(&text, " ");
        let is_valid = token == self.world.token
            && (scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer"));
        assert_eq!(user, is_valid.then_some(self.world.user));
    }

    fn check_edited(&self, edits: &[u8]) {
        let mut token = self.world.token.clone().into_bytes();
        for edit in edits.chunks_exact(3) {
            let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % token.len();
            token[at] = edit[2];
        }
        let user = self.authenticated(&[b"Bearer ", token.as_slice()].concat());
        let is_valid = token == self.world.token.as_bytes();
        assert_eq!(user, is_valid.then_some(self.world.user));
    }

    fn check_signed(&self, data: &[u8]) {
        let filled = String::from_utf8_lossy(data)
            .replace("{{KID}}", &self.key.kid)
            .replace("{{ISS}}", &self.world.app.token_config.issuer)
            .replace("{{AUD}}", &self.world.app.token_config.audience)
            .replace("{{USER_ID}}", &self.world.user.to_string());
        let (header, claims) = split_at_first(&filled, "\n");
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.key.sign(signed.as_bytes()).expect("signed");
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let value = format!("Bearer {signed}.{signature}");
        let expected = self
            .subject(header, claims)
            .filter(|_| value.len() <= 2048 + "Bearer ".len());
        let user = self.authenticated(value.as_bytes()).map(UserId::number);
        assert_eq!(user, expected, "{header}\n{claims}");
    }

    /// Returns the subject if a log-in can issue a token with this header and these claims.
    fn subject(&self, header: &str, claims: &str) -> Option<u64> {
        let mut header = object(header)?;
        header.sort_by(|one, other| one.0.cmp(&other.0));
        // `at+jwt` is the type that version 0.1.0 issued.
        let is_issued = ["session+jwt", "at+jwt"].into_iter().any(|typ| {
            let expected = [("alg", "ES256"), ("kid", &self.key.kid), ("typ", typ)];
            header == expected.map(|(name, value)| (name.to_owned(), Value::from(value)))
        });
        if !is_issued {
            return None;
        }
        let mut claims = object(claims)?;
        claims.sort_by(|one, other| one.0.cmp(&other.0));
        let names: Vec<_> = claims.iter().map(|(name, _)| name.as_str()).collect();
        if names != ["aud", "exp", "iat", "iss", "jti", "sub"] {
            return None;
        }
        let values: Vec<_> = claims.iter().map(|(_, value)| value).collect();
        let [audience, expires, issued_at, issuer, token_id, subject] = values.as_slice() else {
            return None;
        };
        let token_config = &self.world.app.token_config;
        let is_ours = **audience == token_config.audience && **issuer == token_config.issuer;
        let in_force = expires.as_u64()? > NOW && issued_at.as_u64()? <= NOW + 5;
        let subject = subject.as_str()?;
        let number = subject.parse::<u64>().ok()?;
        let is_id = (1..1 << 53).contains(&number) && number.to_string() == subject;
        (is_ours && in_force && token_id.is_string() && is_id).then_some(number)
    }
}

/// Parses a JSON object into its members, including repeated names.
fn object(text: &str) -> Option<Vec<(String, Value)>> {
    struct Members;

    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, Value)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    let mut deserializer = Deserializer::from_str(text);
    let members = serde::Deserializer::deserialize_map(&mut deserializer, Members).ok()?;
    deserializer.end().ok()?;
    Some(members)
}
