//! How the state of a scenario is built.

use std::{future::Future, sync::atomic::Ordering};

use serde_json::{Value, json};

use super::{PREPARING, World};
use crate::{
    database::Key,
    operations::{Request, deliver},
    process::Answer,
    script::Live,
    wire::{Call, TTL},
};

impl World {
    /// Has every process read the keys.
    pub(super) fn warm_up(&self) {
        for process in &self.processes {
            for function in process.functions() {
                let (app, function) = (process.app(function), function.to_owned());
                self.drive(async move {
                    if function == "sign_up" || function == "log_in" {
                        app.signer.key().await.unwrap();
                    }
                    app.verifier.jwks().await.unwrap();
                    if function == "token" {
                        app.access_signer.key().await.unwrap();
                    }
                    if function == "authorize" {
                        app.access_verifier.jwks().await.unwrap();
                    }
                    Answer {
                        status: 200,
                        body: String::new(),
                    }
                });
            }
        }
    }

    /// Runs one request by itself and returns the body of its response.
    pub fn request(&self, request: &Request) -> Value {
        let answer = self.drive(self.processes[PREPARING].begin(request));
        assert!(answer.status < 300, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// Runs one request that is rejected.
    pub fn refused(&self, request: &Request) {
        let answer = self.drive(self.processes[PREPARING].begin(request));
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }

    /// Has DynamoDB delete the expired items whose keys begin with `prefix`.
    pub fn expire(&self, prefix: &str) {
        let mut keys = self.expiring();
        keys.retain(|(_, key)| key.starts_with(prefix));
        self.request(&Request::Expire(keys));
    }

    /// Lets time pass while the state is prepared.
    pub fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    fn drive(&self, request: impl Future<Output = Answer> + 'static) -> Answer {
        let mut live = Live::new(self, Box::pin(request), None);
        while let Some(held) = live.held.first() {
            let (number, call) = (held.number, Call::new(held.call.clone()));
            let call = self.number(call);
            let reply = self.execute(&mut self.preparing.borrow_mut(), call);
            live.release(self, number, self.reply(reply));
        }
        live.answer.unwrap()
    }

    /// The key of every item that expires.
    pub(super) fn expiring(&self) -> Vec<Key> {
        let items = self.tables.items(&self.preparing.borrow().tables);
        let expiring = items
            .into_iter()
            .filter(|(_, item)| item.get("expires_at").is_some());
        expiring.map(|(key, _)| key).collect()
    }

    /// Damages the table of users: the item at `key` becomes the one at `other`, or is lost.
    pub fn damage(&self, key: &str, other: Option<&str>) {
        match other {
            None => self.write_user("DeleteItem", json!({"Key": {"pk": {"S": key}}})),
            Some(other) => self.edit(other, |item| item["pk"] = json!({"S": key})),
        }
    }

    /// Stores the item at `key` of the table of users after `change`, which may be one of the key.
    pub fn edit(&self, key: &str, change: impl FnOnce(&mut Value)) {
        let items = self.tables.items(&self.preparing.borrow().tables);
        let mut item = (*items[&(self.users_table(), key.to_owned())]).clone();
        change(&mut item);
        self.write_user("PutItem", json!({"Item": item}));
    }

    fn users_table(&self) -> String {
        let items = self.tables.items(&self.preparing.borrow().tables);
        let mut keys = items.keys();
        let user = keys.find(|(_, key)| key.starts_with("user#"));
        user.unwrap().0.clone()
    }

    fn write_user(&self, operation: &str, mut body: Value) {
        body["TableName"] = json!(self.users_table());
        let mut state = self.preparing.borrow_mut();
        let call = Call::new((TTL.to_owned(), operation.to_owned(), body));
        let number = self.number(call);
        self.execute(&mut state, number);
    }

    /// Every queued mail as key and nonce.
    pub fn queued(&self) -> Vec<(String, String)> {
        let items = self.tables.items(&self.preparing.borrow().tables);
        let queued = items
            .into_iter()
            .filter(|(_, item)| item["state"]["S"] == "queued");
        queued
            .map(|((_, key), item)| (key, item["nonce"]["S"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// The text of the mail that was sent last.
    pub fn last_mail(&self) -> Option<String> {
        let last = self.preparing.borrow().mails.last().copied();
        last.map(|number| self.mail(number).1)
    }

    /// Sends every queued mail and returns the texts.
    pub fn deliver(&self) -> Vec<String> {
        let before = self.preparing.borrow().mails.len();
        for (key, nonce) in self.queued() {
            self.request(&deliver(&key, &nonce));
        }
        let mails = self.preparing.borrow().mails[before..].to_vec();
        mails
            .into_iter()
            .map(|number| self.mail(number).1)
            .collect()
    }
}
