//! Fills the tables of a development server with users, as `BatchWriteItem` of its embedded DynamoDB takes them.

use reqwest::Client;
use serde_json::{Map, Value, json};
use shared::{
    domain::{email::EmailAddress, user_id::UserId, username::Username},
    store::users::{email_key, user_key, username_key},
};

use crate::Result;

/// The items of a request; DynamoDB takes 25 at most.
const BATCH: usize = 24;
/// The requests at the same time.
const CONCURRENT: usize = 4;

/// The embedded DynamoDB of a server.
pub struct Store {
    client: Client,
    address: String,
}

impl Store {
    /// The endpoint at this address.
    pub fn new(address: &str) -> Result<Self> {
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            address: address.to_owned(),
        })
    }

    /// Adds `count` users, which are copies of the user with this id.
    pub async fn add_users(&self, original: &str, count: usize) -> Result<()> {
        let key = json!({ "pk": { "S": user_key(UserId::parse(original)?) } });
        let found = self.read(&key).await?;
        let item = found["Item"].as_object().ok_or("no such user")?.clone();
        let mut numbers = 0..count;
        loop {
            let mut batches = Vec::new();
            for _ in 0..CONCURRENT {
                let items: Vec<Value> = numbers
                    .by_ref()
                    .take(BATCH / 3)
                    .map(|number| copies(&item, number))
                    .collect::<Result<Vec<_>>>()?
                    .into_iter()
                    .flatten()
                    .collect();
                if !items.is_empty() {
                    batches.push(self.write(items));
                }
            }
            if batches.is_empty() {
                return Ok(());
            }
            futures_util::future::try_join_all(batches).await?;
        }
    }

    /// The units of a strongly consistent read of the item of a user.
    pub async fn units_of_read(&self, id: &str) -> Result<f64> {
        let key = json!({ "pk": { "S": user_key(UserId::parse(id)?) } });
        let response = self.read(&key).await?;
        let units = response["ConsumedCapacity"]["CapacityUnits"].as_f64();
        Ok(units.ok_or("no units")?)
    }

    async fn read(&self, key: &Value) -> Result<Value> {
        let request = json!({
            "TableName": "UsersTable", "Key": key, "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL",
        });
        self.call("GetItem", &request).await
    }

    async fn write(&self, items: Vec<Value>) -> Result<()> {
        let puts: Vec<Value> = items
            .into_iter()
            .map(|item| json!({ "PutRequest": { "Item": item } }))
            .collect();
        let request = json!({ "RequestItems": { "UsersTable": puts } });
        let response = self.call("BatchWriteItem", &request).await?;
        let rest = response["UnprocessedItems"].as_object();
        if rest.is_some_and(|rest| !rest.is_empty()) {
            return Err("users were not written".into());
        }
        Ok(())
    }

    /// Calls an operation. The embedded DynamoDB requires a signature and does not verify it.
    async fn call(&self, operation: &str, body: &Value) -> Result<Value> {
        const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=bench/20260101/eu-central-1/dynamodb/aws4_request, \
                                     SignedHeaders=host, Signature=0";
        let request = self
            .client
            .post(&self.address)
            .header("X-Amz-Target", format!("DynamoDB_20120810.{operation}"))
            .header("X-Amz-Date", "20260101T000000Z")
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("Authorization", AUTHORIZATION)
            .body(body.to_string());
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            return Err(format!("{operation}: {status}: {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

/// The user's item and both markers.
fn copies(original: &Map<String, Value>, number: usize) -> Result<[Value; 3]> {
    let id = spread(number)?;
    let name = format!("scale{number}");
    let email = EmailAddress::parse(&format!("{name}@example.com"))?;
    let username = Username::parse(&name)?;
    let number = json!({ "N": id.to_string() });
    let mut user = original.clone();
    let own = [
        ("pk", json!({ "S": user_key(id) })),
        ("id", number.clone()),
        ("username", json!({ "S": name })),
        ("email", json!({ "S": email.as_str() })),
        ("sessions", json!({ "M": {} })),
    ];
    for (attribute, value) in own {
        user.insert(attribute.to_owned(), value);
    }
    let marker = |key: String| json!({ "pk": { "S": key }, "id": number });
    Ok([
        Value::Object(user),
        marker(email_key(&email)),
        marker(username_key(&username)),
    ])
}

/// Ids as random as those of the product, and different for different numbers: the factor is odd.
fn spread(number: usize) -> Result<UserId> {
    let number = u64::try_from(number)? + 1;
    let bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) & ((1 << 53) - 1);
    Ok(UserId::new(bits.max(1))?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ() {
        let ids: HashSet<u64> = (0..10_000)
            .map(|number| spread(number).expect("an id").number())
            .collect();
        assert_eq!(ids.len(), 10_000);
    }
}
