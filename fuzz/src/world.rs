//! Every function, the tables and the mailbox in this process, with one user. The effects of an input can be undone, so
//! that the result of an input does not depend on earlier ones.

mod setup;

use std::future::Future;

use aws_sdk_dynamodb::{Client, config::Builder, types::AttributeValue};
use lambda_runtime::Context;
use local::{Server, functions::REGISTRY, testing::START};
use serde_json::{Value, json, value::RawValue, value::to_raw_value};
use shared::{
    app::App,
    domain::{
        clock::Timestamp,
        email::EmailAddress,
        link_token::{AddressBinding, Binding, CredentialsBinding, LinkToken, StoredToken},
        user_id::UserId,
    },
    lambda::Invoke,
    store::database::{Item, Slot},
};
use tokio::runtime::{self, Runtime};

use self::setup::{options, providers};

/// The time of the clock, which does not advance: 2026-01-31T12:00:00Z.
pub const NOW: u64 = START.unix();

/// The user's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A whole Latchkey.
pub struct World {
    runtime: Runtime,
    /// DynamoDB and the mailbox.
    pub server: Server,
    /// The state that the functions share.
    pub app: &'static App,
    /// The one user, `jc123`.
    pub user: UserId,
    /// The user's session token.
    pub token: String,
    /// A valid reset token.
    pub reset_token: String,
    /// The key of a valid confirmation link.
    pub confirmation_key: String,
    client: Client,
    /// Every item of the two tables that functions write to, as it was at the start.
    initial: Vec<(String, Vec<Item>)>,
}

impl World {
    /// Starts everything and signs the user up.
    ///
    /// # Panics
    /// If anything fails.
    #[must_use]
    pub fn start() -> Self {
        Self::with_settings(&[])
    }

    /// Starts everything with these settings and signs the user up.
    ///
    /// # Panics
    /// If anything fails.
    #[must_use]
    pub fn with_settings(settings: &[(&str, &str)]) -> Self {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime
            .block_on(Server::start(options(settings)))
            .unwrap_or_else(|error| panic!("{error}"));
        let environment = server.environment("update_details").expect("a function");
        let lookup = |name: &str| environment.get(name).cloned();
        let app = App::start(&lookup, providers()).unwrap_or_else(|error| panic!("{error}"));
        let app: &'static App = Box::leak(Box::new(app));
        let mut config = Builder::from(&app.aws);
        config.set_endpoint_url(app.settings.dynamodb_endpoint.clone());
        let mut world = Self {
            runtime,
            server,
            app,
            user: UserId::from_random([0; 8]),
            token: String::new(),
            reset_token: String::new(),
            confirmation_key: String::new(),
            client: Client::from_conf(config.build()),
            initial: Vec::new(),
        };
        world.sign_up();
        world.initial = world.items();
        world
    }

    fn sign_up(&mut self) {
        let mut event = event("sign_up");
        let body = json!({"username": "jc123", "email": "john@example.com", "password": PASSWORD, "first_name": "John"});
        event["body"] = json!(body.to_string());
        let response = self.call(
            &self.function("sign_up"),
            to_raw_value(&event).expect("JSON"),
        );
        let body = response["body"].as_str().expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        body["token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut self.token);
        let id = body["user"]["id"].as_u64().expect("an id");
        self.user = UserId::new(id).expect("an id");
        let binding = CredentialsBinding {
            credentials_version: 1,
        };
        self.reset_token = self.put_link(binding, [0xab; 20]);
        let email = EmailAddress::parse("john@example.com").expect("an address");
        self.confirmation_key = self.put_link(AddressBinding::to(&email), [0xcd; 20]);
    }

    /// Stores a link of one kind in place of an earlier one, and returns its token.
    fn put_link<B: Binding>(&self, binding: B, secret: [u8; 20]) -> String {
        let token = LinkToken::issue(self.user, secret);
        let item = StoredToken {
            hash: token.hash(),
            earlier_hash: None,
            nonce: "5f0c1e9a7b3d4826a1f94c0be27d6538".to_owned(),
            binding,
            expires_at: Timestamp::from_unix(NOW + 3600),
        };
        let put = (self.app.transient).replace_token(self.user, &item, &Slot::Vacant);
        assert!(self.run(put).is_ok_and(|put| put));
        token.text().as_str().to_owned()
    }

    /// Runs `future` to completion.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Returns the function with this name, as Lambda invokes it.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn function(&self, name: &str) -> Invoke {
        let (_, build) = (REGISTRY.iter())
            .find(|(known, _)| *known == name)
            .expect("a function");
        build(self.app)
    }

    /// Invokes a function with `event` and returns its response.
    ///
    /// # Panics
    /// If the function fails, or the response is not JSON.
    pub fn call(&self, function: &Invoke, event: Box<RawValue>) -> Value {
        self.try_call(function, event).expect("a response")
    }

    /// Invokes a function with `event` and returns its response, or `None` if the function fails.
    ///
    /// # Panics
    /// If the response is not JSON.
    pub fn try_call(&self, function: &Invoke, event: Box<RawValue>) -> Option<Value> {
        let response = self.run(function(event, Context::default())).ok()?;
        Some(serde_json::from_str(response.get()).expect("a response is JSON"))
    }

    /// Puts `item` into the transient table. Returns false if DynamoDB rejects it.
    pub fn put_transient(&self, item: Item) -> bool {
        let put = self
            .client
            .put_item()
            .table_name(&self.app.settings.transient_table)
            .set_item(Some(item));
        self.run(put.send()).is_ok()
    }

    /// Puts `item` into the table of users.
    ///
    /// # Panics
    /// If DynamoDB rejects it.
    pub fn put_user(&self, item: Item) {
        self.put(&self.app.settings.users_table, item);
    }

    /// Returns the user's item.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn user_item(&self) -> Item {
        let key = AttributeValue::S(format!("user#{}", self.user));
        let items = self.initial.iter().flat_map(|(_, items)| items);
        let mut items = items.filter(|item| item.get("pk") == Some(&key));
        items.next().expect("the user").clone()
    }

    /// Returns the item with this key in the transient table.
    ///
    /// # Panics
    /// If DynamoDB fails.
    #[must_use]
    pub fn transient_item(&self, key: &str) -> Option<Item> {
        let get = self
            .client
            .get_item()
            .table_name(&self.app.settings.transient_table)
            .key("pk", AttributeValue::S(key.to_owned()));
        self.run(get.send()).expect("a response").item
    }

    /// Resets the tables and the mailbox to their initial state.
    ///
    /// # Panics
    /// If DynamoDB rejects a write.
    pub fn reset(&self) {
        self.server.clear_mails();
        for ((table, current), (_, initial)) in self.items().into_iter().zip(&self.initial) {
            for item in initial.iter().filter(|item| !current.contains(item)) {
                self.put(&table, item.clone());
            }
            let keys: Vec<_> = initial.iter().map(|item| item.get("pk")).collect();
            for item in current
                .iter()
                .filter(|item| !keys.contains(&item.get("pk")))
            {
                let delete = self
                    .client
                    .delete_item()
                    .table_name(&table)
                    .key("pk", item["pk"].clone());
                self.run(delete.send()).expect("deleted");
            }
        }
    }

    fn put(&self, table: &str, item: Item) {
        let put = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item));
        self.run(put.send()).expect("put");
    }

    fn items(&self) -> Vec<(String, Vec<Item>)> {
        let settings = &self.app.settings;
        let scan = |table: &String| {
            let scan = self.client.scan().table_name(table).consistent_read(true);
            let found = self.run(scan.send()).expect("a response");
            (table.clone(), found.items.unwrap_or_default())
        };
        [
            &settings.users_table,
            &settings.transient_table,
            &settings.counters_table,
        ]
        .map(scan)
        .into()
    }
}

/// Returns the event in events/ for `function`.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn event(function: &str) -> Value {
    let path = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("an event")).expect("JSON")
}
