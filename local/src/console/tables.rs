//! The tables at a glance: the number of items of each kind, and the items without their secrets.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dynoxide::{Database, DynoxideError, actions::scan::ScanRequest, types::AttributeValue};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Problem;

/// The number of items that are shown.
const MAX_SHOWN: usize = 100;
/// The attribute with the key of an item.
const KEY: &str = "pk";
/// What is shown in place of a secret.
const MASK: &str = "••••••••";
/// The length from which a part of a key is a hash, and the number of its characters that are shown.
const HASH: (usize, usize) = (32, 8);

/// The attributes that contain no secret. Any other is masked, so that no new attribute is shown by mistake.
const SHOWN: [&str; 50] = [
    "address",
    "alg",
    "asked_at",
    "c",
    "canonical",
    "changed_at",
    "count",
    "credentials",
    "crv",
    "date_joined",
    "deleted_at",
    "detail",
    "disabled",
    "disabled_at",
    "e",
    "email",
    "email_canonical",
    "email_verified",
    "expires_at",
    "first_name",
    "for",
    "id",
    "is_superuser",
    "kid",
    "kind",
    "kty",
    "last_name",
    "locale",
    "n",
    "not_before",
    "occurred_at",
    "operator",
    "passwords",
    "r",
    "reserved_until",
    "reverts",
    "roles",
    "signs_from",
    "state",
    "u",
    "until",
    "use",
    "user",
    "username",
    "verified",
    "version",
    "window_ends",
    "writer",
    "x",
    "y",
];

/// The tables of the database.
#[derive(Clone)]
pub(crate) struct Tables {
    database: Database,
    names: Vec<String>,
}

/// A table and the number of its items.
#[derive(Serialize)]
pub(super) struct Summary {
    name: String,
    items: usize,
    /// The number of items of each kind, which is what the key begins with.
    kinds: BTreeMap<String, usize>,
}

/// The first items of a table.
#[derive(Serialize)]
pub(super) struct Items {
    name: String,
    #[serde(rename = "items")]
    shown: Vec<Value>,
    /// True if the table has more items.
    is_truncated: bool,
}

impl Tables {
    pub(crate) fn new(database: Database, names: Vec<String>) -> Self {
        Self { database, names }
    }

    /// Every table.
    pub(super) async fn summaries(&self) -> Result<Vec<Summary>, Problem> {
        let tables = self.clone();
        read(move || {
            let summary = |name: &String| {
                let mut kinds = BTreeMap::new();
                for item in tables.scan(name, Some(KEY), usize::MAX)? {
                    *kinds.entry(kind(&item).to_owned()).or_default() += 1;
                }
                Ok(Summary {
                    name: name.clone(),
                    items: kinds.values().sum(),
                    kinds,
                })
            };
            tables.names.iter().map(summary).collect()
        })
        .await
    }

    /// The items of the table `name`, without their secrets.
    pub(super) async fn items(&self, name: &str) -> Result<Items, Problem> {
        let name = self.names.iter().find(|known| *known == name);
        let name = name.ok_or(Problem::NotFound)?.clone();
        let tables = self.clone();
        read(move || {
            let mut items = tables.scan(&name, None, MAX_SHOWN + 1)?;
            let is_truncated = items.len() > MAX_SHOWN;
            items.truncate(MAX_SHOWN);
            items.sort_by(|one, other| key(one).cmp(key(other)));
            Ok(Items {
                name,
                shown: items.into_iter().map(masked_item).collect(),
                is_truncated,
            })
        })
        .await
    }

    /// Up to `max` items of a table, or more; only the attribute `projection` of each, if it is given.
    fn scan(
        &self,
        table: &str,
        projection: Option<&str>,
        max: usize,
    ) -> Result<Vec<Item>, DynoxideError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self.database.scan(ScanRequest {
                table_name: table.to_owned(),
                projection_expression: projection.map(str::to_owned),
                exclusive_start_key: start,
                ..ScanRequest::default()
            })?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() || items.len() >= max {
                return Ok(items);
            }
        }
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

async fn read<T: Send + 'static>(
    scan: impl FnOnce() -> Result<T, DynoxideError> + Send + 'static,
) -> Result<T, Problem> {
    let failed = |error: &dyn std::error::Error| Problem::Failed(error.to_string());
    let result = tokio::task::spawn_blocking(scan).await;
    result
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))
}

fn key(item: &Item) -> &str {
    match item.get(KEY) {
        Some(AttributeValue::S(key)) => key,
        _ => "",
    }
}

fn kind(item: &Item) -> &str {
    key(item).split('#').next().unwrap_or_default()
}

fn masked_item(item: Item) -> Value {
    let masked = item.into_iter().map(|(name, value)| {
        let value = match &value {
            AttributeValue::S(key) if name == KEY => json!(masked_key(key)),
            value => masked(&name, value),
        };
        (name, value)
    });
    Value::Object(masked.collect())
}

/// The key without the hashes in it.
fn masked_key(key: &str) -> String {
    let (min, shown) = HASH;
    let part = |part: &str| match part.get(..shown) {
        Some(start) if part.len() >= min && part.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{start}…")
        }
        _ => part.to_owned(),
    };
    key.split('#').map(part).collect::<Vec<_>>().join("#")
}

/// The value of the attribute `name` as plain JSON, with every part masked that is not known to be harmless.
fn masked(name: &str, value: &AttributeValue) -> Value {
    match value {
        AttributeValue::M(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), masked(name, value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        AttributeValue::L(values) => values.iter().map(|value| masked(name, value)).collect(),
        _ if !SHOWN.contains(&name) => json!(MASK),
        AttributeValue::S(text) => json!(text),
        // As a text if it is larger than any number of JSON.
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_else(|_| json!(number)),
        AttributeValue::B(bytes) => json!(STANDARD.encode(bytes)),
        AttributeValue::BOOL(flag) => json!(flag),
        AttributeValue::NULL(_) => Value::Null,
        AttributeValue::SS(texts) | AttributeValue::NS(texts) => json!(texts),
        AttributeValue::BS(values) => values
            .iter()
            .map(|bytes| json!(STANDARD.encode(bytes)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    #[test]
    fn unknown_attributes_are_masked_at_every_depth() {
        let key = [("kid", text("1")), ("pkcs8", AttributeValue::B(vec![1, 2]))];
        let key = key.map(|(name, value)| (name.to_owned(), value));
        let keys = AttributeValue::L(vec![AttributeValue::M(key.into())]);
        assert_eq!(masked("keys", &keys), json!([{"kid": "1", "pkcs8": MASK}]));
        assert_eq!(
            masked("secrets", &AttributeValue::L(vec![text("a")])),
            json!([MASK])
        );
        assert_eq!(masked("n", &AttributeValue::N("7".to_owned())), json!(7));
    }

    #[test]
    fn keys_have_no_hashes() {
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(
            masked_key(&format!("revert#7#{hash}")),
            "revert#7#01234567…"
        );
        assert_eq!(masked_key("user#1989377030705317"), "user#1989377030705317");
    }
}
