//! An embedded DynamoDB with one table, as the tests of the store use it.

use std::sync::atomic::{AtomicU8, Ordering};

use aws_sdk_dynamodb::Client;
use dynoxide::{
    Database as EmbeddedDatabase,
    actions::create_table::CreateTableRequest,
    types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType},
};
use shared::{app::connection, domain::random::Random, store::database::Database};
use tokio::net::TcpListener;

/// The table.
pub const TABLE: &str = "Items";

/// Starts a DynamoDB with the empty [`TABLE`], which stops with the runtime of the test. Returns the store's access to it,
/// whose random numbers count up, and direct access.
pub async fn start() -> (Database, Client) {
    let embedded = EmbeddedDatabase::memory().unwrap();
    let key = "pk".to_owned();
    embedded
        .create_table(CreateTableRequest {
            table_name: TABLE.to_owned(),
            key_schema: vec![KeySchemaElement {
                attribute_name: key.clone(),
                key_type: KeyType::HASH,
            }],
            attribute_definitions: vec![AttributeDefinition {
                attribute_name: key,
                attribute_type: ScalarAttributeType::S,
            }],
            billing_mode: Some("PAY_PER_REQUEST".to_owned()),
            ..CreateTableRequest::default()
        })
        .unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_with_shutdown(
        socket,
        embedded,
        std::future::pending(),
    ));
    let aws = connection::connect(&|_| Some("local".to_owned()), true).unwrap();
    let config = aws_sdk_dynamodb::config::Builder::from(&aws).endpoint_url(endpoint);
    let client = Client::from_conf(config.build());
    let next = AtomicU8::new(0);
    let random = Random::new(move |bytes| bytes.fill(next.fetch_add(1, Ordering::SeqCst)));
    (Database::new(&client, random), client)
}
