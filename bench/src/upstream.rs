//! The development server, to which requests are forwarded while they are recorded.

use std::net::SocketAddr;

use hyper::{
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    Result,
    exchange::{DYNAMODB, Exchange},
};

/// The endpoints of the development server.
#[derive(Clone, Copy, Debug)]
pub struct Upstream {
    /// DynamoDB.
    pub dynamodb: SocketAddr,
    /// SES, EventBridge and EventBridge Scheduler.
    pub services: SocketAddr,
}

/// Forwards a request, and has DynamoDB report the capacity units.
pub async fn forward(
    client: &reqwest::Client,
    upstream: &Upstream,
    head: &hyper::http::request::Parts,
    key: String,
    body: Bytes,
    mut content: Value,
) -> Result<Exchange> {
    let is_dynamodb = key.starts_with(DYNAMODB);
    let address = if is_dynamodb {
        upstream.dynamodb
    } else {
        upstream.services
    };
    let body = match content.as_object_mut() {
        Some(members) if is_dynamodb => {
            members.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
            Bytes::from(content.to_string())
        }
        _ => body,
    };
    let mut headers = head.headers.clone();
    for hop in ["host", "content-length", "connection"] {
        headers.remove(hop);
    }
    let response = client
        .request(head.method.clone(), format!("http://{address}{}", head.uri))
        .headers(headers)
        .body(body)
        .send()
        .await?;
    let status = response.status();
    let media_type = response.headers().get(CONTENT_TYPE).cloned();
    let mut body = response.bytes().await?;
    let mut units = 0.0;
    if let (true, Ok(Value::Object(mut members))) = (is_dynamodb, serde_json::from_slice(&body)) {
        units = members
            .remove("ConsumedCapacity")
            .as_ref()
            .map_or(0.0, consumed);
        body = Bytes::from(Value::Object(members).to_string());
    }
    Ok(Exchange {
        key,
        item: None,
        status,
        media_type: media_type.unwrap_or(HeaderValue::from_static("application/json")),
        body,
        units,
    })
}

/// The sum of the capacity units of one table or several.
fn consumed(capacity: &Value) -> f64 {
    match capacity {
        Value::Array(tables) => tables.iter().map(consumed).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}
