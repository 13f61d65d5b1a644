//! One GetItem, as the SDK's documentation shows it: no authentication, no validation, no log.

use std::env;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let table = env::var("USERS_TABLE")?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let id = event.payload["pathParameters"]["id"]
            .as_str()
            .unwrap_or_default();
        let found = client
            .get_item()
            .table_name(&table)
            .key("pk", AttributeValue::S(format!("user#{id}")))
            .consistent_read(true)
            .send()
            .await?;
        let item = found.item.ok_or("not found")?;
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let body = json!({ "id": id, "username": text("username"), "email": text("email") });
        Ok::<_, Error>(json!({ "statusCode": 200, "body": body.to_string() }))
    }))
    .await
}
