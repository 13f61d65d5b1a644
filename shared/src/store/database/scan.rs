//! Reads all items whose key begins with a prefix. Only `admin` does so: it reads the whole table, page by page.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use super::{Database, Error, classify, read};

impl Database {
    /// Returns the items of `table` whose key begins with `prefix`, by strongly consistent reads.
    pub async fn scan<T: DeserializeOwned>(
        &self,
        table: &str,
        prefix: &str,
    ) -> Result<Vec<T>, Error> {
        let scan = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .filter_expression("begins_with(#pk, :prefix)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        let mut items = scan.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(read(item.map_err(|error| classify("Scan", &error))?)?);
        }
        Ok(found)
    }
}
