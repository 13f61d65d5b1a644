//! The embedded DynamoDB of one explorer. What a call does depends on the call and on its items alone, so that each call is carried out
//! once for each content of its items; after that, its reply and its effect are known.

mod dynamo;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use dynoxide::Database;
use serde_json::{Value, json};

use self::dynamo::{create, execute};
use crate::{
    conditions::{Condition, without},
    memory::{NOTHING, Number, Numbered},
    wire::Call,
};

/// Table and key of an item.
pub type Key = (String, String);

/// Every item by its key, in DynamoDB's JSON.
pub type Items = BTreeMap<Key, Rc<Value>>;

/// A response of DynamoDB: status and body.
pub type Reply = (u16, String);

/// The number of the item of each key, by the number of the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot(Vec<Number>);

impl Snapshot {
    fn get(&self, key: Number) -> Number {
        self.0.get(key as usize).copied().unwrap_or(NOTHING)
    }

    fn set(&mut self, key: Number, item: Number) {
        let place = key as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, NOTHING);
        }
        self.0[place] = item;
        while self.0.last() == Some(&NOTHING) {
            self.0.pop();
        }
    }
}

/// What a call did.
pub struct Effect {
    pub reply: Reply,
    /// The items of its keys afterwards.
    after: Vec<Number>,
    /// The conditions without each of which it would have done something else, if they are searched.
    pub decisive: Vec<Rc<Condition>>,
}

/// A call with the items that it finds. For the repetition of a transaction, also those that its first attempt found.
type Situation = (Number, Vec<Number>, Option<Vec<Number>>);

/// The tables.
pub struct Tables {
    database: Database,
    keys: Numbered<Key>,
    items: Numbered<String>,
    parsed: RefCell<HashMap<Number, Rc<Value>>>,
    /// The items that the database holds.
    held: RefCell<Snapshot>,
    effects: RefCell<HashMap<Situation, Rc<Effect>>>,
    /// Makes the token of each transaction unique.
    transactions: Cell<u64>,
    /// True if decisive conditions are searched, which takes several calls in place of one.
    pub searches: Cell<bool>,
}

impl Tables {
    /// Creates empty tables.
    pub fn new(names: &BTreeSet<String>) -> Self {
        let database = Database::memory().unwrap();
        for name in names {
            create(&database, name);
        }
        Self {
            database,
            keys: Numbered::default(),
            items: Numbered::default(),
            parsed: RefCell::default(),
            held: RefCell::default(),
            effects: RefCell::default(),
            transactions: Cell::default(),
            searches: Cell::default(),
        }
    }

    /// The items that a call finds.
    pub fn found(&self, call: &Call, state: &Snapshot) -> Vec<Number> {
        let keys = call.keys.iter();
        keys.map(|key| state.get(self.keys.number(key.clone())))
            .collect()
    }

    /// Carries out a call on `state`. `number` identifies the call. `first` is what the first attempt of a transaction found.
    pub fn carry_out(
        &self,
        number: Number,
        call: &Call,
        state: &mut Snapshot,
        first: Option<Vec<Number>>,
    ) -> Rc<Effect> {
        let situation = (number, self.found(call, state), first);
        let known = self.effects.borrow().get(&situation).cloned();
        let effect = known.unwrap_or_else(|| {
            let effect = Rc::new(self.effect(call, &situation));
            self.effects.borrow_mut().insert(situation, effect.clone());
            effect
        });
        for (key, item) in call.keys.iter().zip(&effect.after) {
            state.set(self.keys.number(key.clone()), *item);
        }
        effect
    }

    fn effect(&self, call: &Call, (_, found, first): &Situation) -> Effect {
        let (reply, after) = self.perform(call, &call.body, found, first.as_deref());
        let is_searched = self.searches.get() && reply.0 != 200;
        let is_decisive = |condition: &&Rc<Condition>| {
            is_searched && {
                let body = without(call, condition);
                self.perform(call, &body, found, first.as_deref()) != (reply.clone(), after.clone())
            }
        };
        let decisive = call.conditions.iter().filter(is_decisive).cloned();
        Effect {
            decisive: decisive.collect(),
            reply,
            after,
        }
    }

    /// Has the database carry out a call on these items. Returns its reply and the items afterwards.
    fn perform(
        &self,
        call: &Call,
        body: &Value,
        found: &[Number],
        first: Option<&[Number]>,
    ) -> (Reply, Vec<Number>) {
        let mut body = body.clone();
        if call.operation == "TransactWriteItems" {
            self.transactions.set(self.transactions.get() + 1);
            // Runs have the same random numbers, and are not attempts of one transaction.
            let token = format!("{:036}", self.transactions.get());
            body["ClientRequestToken"] = json!(token);
        }
        if let Some(first) = first {
            self.load(call, first);
            let (status, _) = execute(&self.database, &call.operation, &body);
            assert_eq!(status, 200, "a first attempt that was applied");
            self.reload(call);
        }
        self.load(call, found);
        let reply = execute(&self.database, &call.operation, &body);
        let is_changed = reply.0 == 200 && call.operation != "GetItem";
        let after = if is_changed {
            self.reload(call)
        } else {
            found.to_vec()
        };
        (reply, after)
    }

    /// Puts the items of a call.
    fn load(&self, call: &Call, items: &[Number]) {
        for (key, item) in call.keys.iter().zip(items) {
            let number = self.keys.number(key.clone());
            if self.held.borrow().get(number) == *item {
                continue;
            }
            let (operation, body) = if *item == NOTHING {
                (
                    "DeleteItem",
                    json!({"TableName": key.0, "Key": typed_key(key)}),
                )
            } else {
                let item = self.item(*item);
                ("PutItem", json!({"TableName": key.0, "Item": *item}))
            };
            let (status, body) = execute(&self.database, operation, &body);
            assert_eq!(status, 200, "{body}");
            self.held.borrow_mut().set(number, *item);
        }
    }

    /// Reads the items of a call.
    fn reload(&self, call: &Call) -> Vec<Number> {
        let read = |key: &Key| {
            let body = json!({"TableName": key.0, "Key": typed_key(key), "ConsistentRead": true});
            let (_, body) = execute(&self.database, "GetItem", &body);
            let mut body: Value = serde_json::from_str(&body).unwrap();
            let item = match body["Item"].take() {
                Value::Null => NOTHING,
                item => self.items.number(item.to_string()),
            };
            let number = self.keys.number(key.clone());
            self.held.borrow_mut().set(number, item);
            item
        };
        call.keys.iter().map(read).collect()
    }

    fn item(&self, number: Number) -> Rc<Value> {
        let mut parsed = self.parsed.borrow_mut();
        let item = parsed.entry(number).or_insert_with(|| {
            let text = self.items.value(number);
            Rc::new(serde_json::from_str(&text).unwrap())
        });
        item.clone()
    }

    /// The number of each item of a state, with the number of its key.
    pub fn numbers(state: &Snapshot) -> impl Iterator<Item = (Number, Number)> {
        let items = state.0.iter().enumerate();
        items
            .filter(|(_, item)| **item != NOTHING)
            .map(|(key, item)| (Number::try_from(key).unwrap(), *item))
    }

    /// The key and the item that have these numbers.
    pub fn entry(&self, (key, item): (Number, Number)) -> (Rc<Key>, Rc<Value>) {
        (self.keys.value(key), self.item(item))
    }

    /// The items of a state.
    pub fn items(&self, state: &Snapshot) -> Items {
        let entries = Self::numbers(state).map(|numbers| self.entry(numbers));
        entries.map(|(key, item)| ((*key).clone(), item)).collect()
    }
}

/// The key of every item of a call.
pub fn keys(operation: &str, body: &Value) -> Vec<Key> {
    let of = |request: &Value| {
        let key = request["Key"]["pk"]["S"].as_str();
        let key = key.or(request["Item"]["pk"]["S"].as_str()).unwrap();
        let table = request["TableName"].as_str().unwrap();
        (table.to_owned(), key.to_owned())
    };
    match operation {
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().unwrap().iter();
            writes
                .map(|write| of(write.as_object().unwrap().values().next().unwrap()))
                .collect()
        }
        _ => vec![of(body)],
    }
}

fn typed_key((_, key): &Key) -> Value {
    json!({"pk": {"S": key}})
}
