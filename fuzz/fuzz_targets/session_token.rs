//! Session tokens: whatever is said in them, and even if it is signed with the real key, only what a log-in would have
//! issued is believed.

#![no_main]

use std::{fmt, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fuzz::{NOW, World, cut};
use jsonwebtoken::{Algorithm, crypto::sign};
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

// `=`: edits of a good token, each three bytes; `{` or `[`: header and claims, each on a line, to be signed with the real
// key; all else is the value of the header `Authorization`.
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
        let good = bench.world.token.clone();
        assert_eq!(
            bench.bearer(format!("Token {good}").as_bytes()),
            Some(bench.world.user)
        );
        bench
    }

    /// Whom a request with this header is believed to come from.
    fn bearer(&self, authorization: &[u8]) -> Option<UserId> {
        let mut request = Request::new(Body::Empty);
        let value = HeaderValue::from_bytes(authorization).ok()?;
        request.headers_mut().insert(AUTHORIZATION, value);
        let bearer = self.world.run(self.world.app.bearer(&request));
        bearer.ok().map(|bearer| bearer.user)
    }

    fn check_value(&self, value: &[u8]) {
        let text = String::from_utf8_lossy(value).replace("{{TOKEN}}", &self.world.token);
        let bearer = if text.len() == value.len() {
            self.bearer(value)
        } else {
            self.bearer(text.as_bytes())
        };
        let (scheme, token) = cut(&text, " ");
        let is_good = token == self.world.token
            && (scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer"));
        assert_eq!(bearer, is_good.then_some(self.world.user));
    }

    fn check_edited(&self, edits: &[u8]) {
        let mut token = self.world.token.clone().into_bytes();
        for edit in edits.chunks_exact(3) {
            let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % token.len();
            token[at] = edit[2];
        }
        let bearer = self.bearer(&[b"Token ", token.as_slice()].concat());
        let is_good = token == self.world.token.as_bytes();
        assert_eq!(bearer, is_good.then_some(self.world.user));
    }

    fn check_signed(&self, data: &[u8]) {
        let filled = String::from_utf8_lossy(data)
            .replace("{{KID}}", &self.key.kid)
            .replace("{{ISS}}", &self.world.app.token_config.issuer)
            .replace("{{AUD}}", &self.world.app.token_config.audience)
            .replace("{{USER_ID}}", &self.world.user.to_string());
        let (header, claims) = cut(&filled, "\n");
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = sign(signed.as_bytes(), &self.key.key, Algorithm::ES256).expect("signed");
        let value = format!("Token {signed}.{signature}");
        let wanted = self
            .subject(header, claims)
            .filter(|_| value.len() <= 2048 + 6);
        let bearer = self.bearer(value.as_bytes()).map(UserId::number);
        assert_eq!(bearer, wanted, "{header}\n{claims}");
    }

    /// The user that a token of ours with this header and these claims is for, if one could have them.
    fn subject(&self, header: &str, claims: &str) -> Option<u64> {
        let mut header = object(header)?;
        header.sort_by(|one, other| one.0.cmp(&other.0));
        let wanted = [("alg", "ES256"), ("kid", &self.key.kid), ("typ", "at+jwt")];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), Value::from(value)));
        if header != wanted {
            return None;
        }
        let mut claims = object(claims)?;
        claims.sort_by(|one, other| one.0.cmp(&other.0));
        let names: Vec<_> = claims.iter().map(|(name, _)| name.as_str()).collect();
        if names != ["aud", "exp", "iat", "iss", "jti", "sub"] {
            return None;
        }
        let values: Vec<_> = claims.iter().map(|(_, value)| value).collect();
        let [audience, expires, issued, issuer, name, subject] = values.as_slice() else {
            return None;
        };
        let token_config = &self.world.app.token_config;
        let is_ours = **audience == token_config.audience && **issuer == token_config.issuer;
        let in_force = expires.as_u64()? > NOW && issued.as_u64()? <= NOW + 5;
        let subject = subject.as_str()?;
        let number = subject.parse::<u64>().ok()?;
        let is_id = (1..1 << 53).contains(&number) && number.to_string() == subject;
        (is_ours && in_force && name.is_string() && is_id).then_some(number)
    }
}

/// The members of a text that is one JSON object, repeated names and all.
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
