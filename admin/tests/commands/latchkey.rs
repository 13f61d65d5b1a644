//! A whole Latchkey, with the operator's command line and direct access to its tables.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use local::{Options, Server};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    app::Providers,
    domain::{
        clock::Clock,
        password::{Hasher, Params},
    },
};
use tokio::process::Command;

pub const PASSWORD: &str = "correct horse battery staple";

/// Cheap parameters for tests.
const LIGHT: Params = Params {
    m_cost: 64,
    t_cost: 1,
    p_cost: 1,
};

pub struct Latchkey {
    pub server: Server,
    pub client: reqwest::Client,
    pub tables: Client,
    ahead: Arc<AtomicU64>,
}

pub struct SignedUp {
    pub id: u64,
    pub token: String,
}

/// The result of running the binary.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub out: String,
    pub error: String,
}

impl Latchkey {
    pub async fn start() -> Self {
        Self::with(&[], true).await
    }

    pub async fn with(settings: &[(&str, &str)], source_limits: bool) -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let mut providers = Providers::system();
        let (machine, by) = (providers.clock, ahead.clone());
        providers.clock =
            Clock::new(move || machine.now() + Duration::from_secs(by.load(Ordering::SeqCst)));
        providers.hasher = Hasher::new(LIGHT);
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let mut options = Options::new(template, providers);
        options.source_limits = source_limits;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        options.settings = settings.iter().map(owned).collect();
        let server = Server::start(options).await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(format!("http://{}", server.dynamodb_address()))
            .build();
        Self {
            server,
            // The server closes an idle connection after 30 seconds; a request that is sent in that moment would fail.
            client: reqwest::Client::builder()
                .pool_idle_timeout(Duration::from_secs(10))
                .build()
                .unwrap(),
            tables: Client::from_conf(config),
            ahead,
        }
    }

    /// Advances the functions' clock; the binary uses this machine's.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Runs the binary with the endpoint of this Latchkey and an empty environment.
    pub async fn admin(&self, arguments: &[&str]) -> CommandOutput {
        let endpoint = format!("http://{}", self.server.dynamodb_address());
        run(&[&["--endpoint-url", &endpoint], arguments].concat()).await
    }

    /// Returns the recorded changes as kinds and users, ordered by kind: changes of one second have no order.
    pub async fn changes(&self) -> Vec<(String, Option<u64>)> {
        let listed = self.json(&["audit"]).await;
        let changes = listed["changes"].as_array().unwrap().iter();
        let mut changes: Vec<_> = changes
            .map(|change| {
                assert_eq!(change["operator"], "local");
                let kind = change["kind"].as_str().unwrap().to_owned();
                (kind, change["user"].as_u64())
            })
            .collect();
        changes.sort();
        changes
    }

    /// Marks the address of this user as verified.
    pub async fn verify(&self, id: u64) {
        let (key, yes) = (format!("user#{id}"), AttributeValue::Bool(true));
        self.set("UsersTable", &key, "email_verified", yes).await;
    }

    /// Runs the binary, which must succeed, and returns its JSON output.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.admin(&[&["--json"], arguments].concat()).await;
        assert_eq!(output.code, 0, "{output:?}");
        serde_json::from_str(&output.out).unwrap()
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url()));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, "", &body).await
    }

    pub async fn sign_up(&self, name: &str) -> SignedUp {
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        let (status, body) = self.post("/auth/signup", body).await;
        assert_eq!(status, 201, "{body}");
        SignedUp {
            id: body["user"]["id"].as_u64().unwrap(),
            token: body["token"].as_str().unwrap().to_owned(),
        }
    }

    pub async fn log_in(&self, name: &str, password: &str) -> (u16, Value) {
        let body = json!({"username": name, "password": password});
        self.post("/auth/login", body).await
    }

    /// Returns the status of a request for the record of user `id` with this token.
    pub async fn read(&self, id: u64, token: &str) -> u16 {
        let path = format!("/api/users/{id}");
        self.call(Method::GET, &path, token, &Value::Null).await.0
    }

    pub async fn request_reset(&self, email: &str) -> u16 {
        let body = json!({"email": email});
        self.post("/api/passwords/reset_password", body).await.0
    }

    pub async fn complete_reset(&self, token: &str) -> u16 {
        let password = "seventeen purple submarines";
        let body = json!({"new_password": password, "password_confirmation": password, "reset_token": token});
        self.post("/api/passwords/reset_password_complete", body)
            .await
            .0
    }

    /// Returns the reset token in the newest mail.
    pub fn reset_token(&self) -> String {
        let mail = self.server.mails().into_iter().next().unwrap();
        let (_, rest) = mail.text.split_once("#token=").unwrap();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        rest[..end.unwrap_or(rest.len())].to_owned()
    }

    pub async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self.tables.scan().table_name(table);
        scan.send().await.unwrap().items.unwrap_or_default()
    }

    /// Sets one attribute of an item.
    pub async fn set(&self, table: &str, key: &str, name: &str, value: AttributeValue) {
        let update = self.tables.update_item().table_name(table);
        let update = update
            .key("pk", AttributeValue::S(key.to_owned()))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value);
        update.send().await.unwrap();
    }
}

/// Runs the binary with an empty environment.
pub async fn run(arguments: &[&str]) -> CommandOutput {
    run_with(&[], arguments).await
}

/// Runs the binary with this environment.
pub async fn run_with(environment: &[(&str, &str)], arguments: &[&str]) -> CommandOutput {
    let output = Command::new(env!("CARGO_BIN_EXE_admin"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        error: text(output.stderr),
    }
}
