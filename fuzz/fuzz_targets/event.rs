//! API Gateway events for every function: each response keeps to the contract, nothing is done without a token or the
//! password, and no response is a 500 or 503. The authorizer accepts nothing without a token.

#![no_main]

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fuzz::{
    PASSWORD, World, check_no_secret, check_response, event, may_have_written, split_at_first,
};
use lambda_http::http::HeaderName;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json, value::RawValue, value::to_raw_value};
use shared::{http::MAX_BODY, lambda::Invoke};
use unicode_normalization::UnicodeNormalization as _;

const FUNCTIONS: [&str; 14] = [
    "get_user",
    "jwks",
    "log_in",
    "log_out",
    "reset_password",
    "reset_password_complete",
    "sign_up",
    "update_details",
    "token",
    "confirm_email",
    "revert_email",
    "sessions",
    "delete_account",
    "authorize",
];

/// The function whose events and responses are those of a Lambda authorizer.
const AUTHORIZER: usize = FUNCTIONS.len() - 1;

/// The statuses of the contract other than 500 and 503, since the tables are available.
const STATUSES: [u64; 10] = [200, 201, 204, 400, 401, 403, 404, 409, 413, 429];

struct Bench {
    world: World,
    functions: Vec<(&'static str, Value, Invoke)>,
}

thread_local! {
    static BENCH: OnceLock<Bench> = const { OnceLock::new() };
}

// Input: two digits and a line break, then the id in the path, one header a line, an empty line, and the body. The
// first digit selects the function. The second selects the form of the body: text, base64, or text marked as base64; 3
// means that the rest is the event itself.
fuzz_target!(|data: &[u8]| {
    BENCH.with(|bench| {
        let bench = bench.get_or_init(Bench::start);
        if let [function, mode, _, rest @ ..] = data {
            let function = usize::from(function.wrapping_sub(b'0')) % FUNCTIONS.len();
            match mode % 4 {
                _ if function == AUTHORIZER => bench.check_authorizer(rest),
                3 => bench.check_raw(function, rest),
                mode => bench.check(function, mode, rest),
            }
        }
    });
});

/// A request.
struct Sent<'a> {
    function: &'a str,
    /// The secrets of the user that it contains.
    secrets: Secrets,
    body: &'a [u8],
}

struct Secrets {
    token: bool,
    reset_token: bool,
    confirmation_key: bool,
}

impl Bench {
    fn start() -> Self {
        let world = World::start();
        let functions = FUNCTIONS
            .map(|name| (name, event(name), world.function(name)))
            .into();
        Self { world, functions }
    }

    fn check(&self, function: usize, mode: u8, rest: &[u8]) {
        let at = rest
            .windows(2)
            .position(|two| two == b"\n\n")
            .unwrap_or(rest.len());
        let (head, body) = rest.split_at(at);
        let head = String::from_utf8_lossy(head).into_owned();
        let secrets = Secrets {
            token: head.contains("{{TOKEN}}"),
            reset_token: contains(body, b"{{RESET_TOKEN}}"),
            confirmation_key: contains(body, b"{{CONFIRMATION_KEY}}"),
        };
        let body = body.get(2..).unwrap_or_default();
        let body = match str::from_utf8(body) {
            Ok(text) => self.fill(text).into_bytes(),
            Err(_) => body.to_vec(),
        };
        let (name, event, invoke) = &self.functions[function];
        let event = with_body(with_head(event.clone(), &self.fill(&head)), mode, &body);
        let response = self.world.call(invoke, to_raw_value(&event).expect("JSON"));
        let sent = Sent {
            function: name,
            secrets,
            body: &body,
        };
        let status = check_response(&response);
        assert!(STATUSES.contains(&status), "{response}");
        if mode < 2 && body.len() > MAX_BODY {
            assert_eq!(status, 413);
        }
        check_rights(&sent, status, mode);
        check_no_secret(&response, status, &self.world.token);
        if may_have_written(status, &response) {
            self.world.reset();
        }
    }

    fn check_raw(&self, function: usize, event: &[u8]) {
        let text = String::from_utf8_lossy(event);
        let Ok(event) = RawValue::from_string(self.fill(text.trim())) else {
            return;
        };
        let (_, _, invoke) = &self.functions[function];
        let response = self.world.call(invoke, event);
        let status = check_response(&response);
        // The response to anything that is not an API Gateway event is 500.
        assert!(STATUSES.contains(&status) || status == 500, "{response}");
        if may_have_written(status, &response) {
            self.world.reset();
        }
    }

    /// The input is the event itself. Anything that is not an authorizer's event makes the function fail.
    fn check_authorizer(&self, event: &[u8]) {
        let text = String::from_utf8_lossy(event);
        let Ok(event) = RawValue::from_string(self.fill(text.trim())) else {
            return;
        };
        let (_, _, invoke) = &self.functions[AUTHORIZER];
        let Some(response) = self.world.try_call(invoke, event) else {
            return;
        };
        let statement = &response["policyDocument"]["Statement"][0];
        let is_accepted = if response["policyDocument"].is_null() {
            response["isAuthorized"].as_bool().expect("a truth value")
        } else {
            let resource = statement["Resource"].as_str().expect("a resource");
            assert!(resource.ends_with("/*") && resource.contains(":execute-api:"));
            statement["Effect"] == "Allow"
        };
        // The token may be spelt with escapes.
        assert!(!is_accepted || text.contains("{{TOKEN}}") || text.contains('\\'));
        let context = response["context"].as_object();
        assert_eq!(context.is_some(), is_accepted);
        let mut values = context.into_iter().flat_map(|context| context.values());
        assert!(values.all(|value| value.is_string() || value.is_number()));
        assert!(!response.to_string().contains(&self.world.token));
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{{TOKEN}}", &self.world.token)
            .replace("{{RESET_TOKEN}}", &self.world.reset_token)
            .replace("{{CONFIRMATION_KEY}}", &self.world.confirmation_key)
            .replace("{{USER_ID}}", &self.world.user.to_string())
    }
}

fn contains(body: &[u8], placeholder: &[u8]) -> bool {
    body.windows(placeholder.len())
        .any(|part| part == placeholder)
}

/// Sets the id in the path and the headers that API Gateway would pass on.
fn with_head(mut event: Value, head: &str) -> Value {
    let (id, lines) = split_at_first(head, "\n");
    if event["pathParameters"].is_object() {
        let path = json!(format!("/api/users/{id}"));
        event["pathParameters"]["id"] = json!(id);
        event["requestContext"]["http"]["path"] = path.clone();
        event["rawPath"] = path;
    }
    let headers = event["headers"].as_object_mut().expect("headers");
    headers.remove("authorization");
    for line in lines.split('\n') {
        let (name, value) = split_at_first(line, ":");
        if HeaderName::from_bytes(name.as_bytes()).is_ok() {
            let value = value.trim_matches([' ', '\t']);
            headers.insert(name.to_ascii_lowercase(), json!(value));
        }
    }
    event
}

fn with_body(mut event: Value, mode: u8, body: &[u8]) -> Value {
    let text = str::from_utf8(body).ok().filter(|_| mode != 1);
    let (body, is_base64_encoded) = match text {
        Some(text) => (text.to_owned(), mode == 2),
        None => (STANDARD.encode(body), true),
    };
    event["isBase64Encoded"] = json!(is_base64_encoded);
    let fields = event.as_object_mut().expect("an event");
    if body.is_empty() {
        fields.remove("body");
    } else {
        fields.insert("body".to_owned(), json!(body));
    }
    event
}

/// Checks that a successful request contained the credentials that it needs.
fn check_rights(sent: &Sent, status: u64, mode: u8) {
    if status >= 300 {
        return;
    }
    let field = |name: &str| {
        let body = if mode == 2 {
            STANDARD.decode(sent.body).unwrap_or_default()
        } else {
            sent.body.to_vec()
        };
        let body: Value = serde_json::from_slice(&body).expect("a successful request is JSON");
        body[name]
            .as_str()
            .map(|text| text.nfc().collect::<String>())
    };
    match sent.function {
        "get_user" | "log_out" | "token" | "sessions" => assert!(sent.secrets.token),
        "update_details" | "delete_account" => {
            assert!(sent.secrets.token);
            assert_eq!(field("current-password").as_deref(), Some(PASSWORD));
        }
        "log_in" => assert_eq!(field("password").as_deref(), Some(PASSWORD)),
        "reset_password_complete" => assert!(sent.secrets.reset_token),
        "confirm_email" => assert!(sent.secrets.confirmation_key),
        // No revert link was sent.
        "revert_email" => panic!("reverted"),
        "reset_password" => assert!(field("email").is_some()),
        _ => {}
    }
}
