//! The tables of a development server, which are filled with users over the API of its embedded DynamoDB.

use std::ops::Range;

use reqwest::Client;
use serde_json::{Map, Value, json};
use shared::{
    domain::{email::EmailAddress, user_id::UserId, username::Username},
    store::users::{email_key, user_key, username_key},
};

use crate::{
    Result,
    products::{Account, Server},
};

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
    /// The tables of `server`.
    pub fn of(server: &Server) -> Result<Self> {
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            address: address(&server.output()?)?,
        })
    }

    /// Adds the copies with these numbers of the user with the id `original`, since a sign-up costs as much as a log-in.
    pub async fn add_copies(&self, original: &str, mut numbers: Range<usize>) -> Result<()> {
        let key = json!({ "pk": { "S": user_key(UserId::parse(original)?) } });
        let found = self.read(&key).await?;
        let item = found["Item"].as_object().ok_or("no such user")?.clone();
        loop {
            let mut batches = Vec::new();
            for _ in 0..CONCURRENT {
                let items: Vec<Value> = numbers
                    .by_ref()
                    .take(BATCH / 3)
                    .map(|number| items(&item, number))
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

    /// Counts the items of `table` whose key begins with `prefix`.
    pub async fn count(&self, table: &str, prefix: &str) -> Result<u64> {
        let mut request = json!({
            "TableName": table, "Select": "COUNT", "FilterExpression": "begins_with(pk, :prefix)",
            "ExpressionAttributeValues": { ":prefix": { "S": prefix } },
        });
        let mut count = 0;
        loop {
            let mut response = self.call("Scan", &request).await?;
            count += response["Count"].as_u64().ok_or("no count")?;
            match response["LastEvaluatedKey"].take() {
                Value::Null => return Ok(count),
                last => request["ExclusiveStartKey"] = last,
            }
        }
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

/// The copy with this number, whose password is the original's.
pub fn copy(number: usize) -> Account {
    Account::named(format!("copy{number}"))
}

/// The address of the embedded DynamoDB, which the server prints at its start.
fn address(output: &str) -> Result<String> {
    let mut words = output.split_whitespace();
    let label = words.find(|word| *word == "DynamoDB");
    let address = label.and_then(|_| words.next());
    Ok(address.ok_or("no address of DynamoDB")?.to_owned())
}

/// The item of a copy and both markers.
fn items(original: &Map<String, Value>, number: usize) -> Result<[Value; 3]> {
    let id = spread(number)?;
    let account = copy(number);
    let email = EmailAddress::parse(&account.email)?;
    let username = Username::parse(&account.name)?;
    let number = json!({ "N": id.to_string() });
    let mut user = original.clone();
    let own = [
        ("pk", json!({ "S": user_key(id) })),
        ("id", number.clone()),
        ("username", json!({ "S": username.as_str() })),
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
    fn the_address_follows_its_label() {
        let output = "API       http://127.0.0.1:1\nDynamoDB  http://127.0.0.1:2 (UsersTable)\n";
        assert_eq!(address(output).expect("an address"), "http://127.0.0.1:2");
        assert!(address("API").is_err());
    }

    #[test]
    fn ids_differ() {
        let ids: HashSet<u64> = (0..10_000)
            .map(|number| spread(number).expect("an id").number())
            .collect();
        assert_eq!(ids.len(), 10_000);
    }
}
