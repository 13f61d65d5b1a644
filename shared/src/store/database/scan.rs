//! Reads whole tables, page by page. Only `admin` does so, and `publish` with the few events that wait.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use super::{Database, Error, classify, read};

/// A page of items, each read by itself, and the key at which the next page starts; `None` after the last one.
pub type Page<T> = (Vec<Result<T, Error>>, Option<String>);

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

    /// Returns at most `limit` items of `table` after the key `after`, in no order, by a strongly consistent read.
    pub async fn scan_page<T: DeserializeOwned>(
        &self,
        table: &str,
        limit: i32,
        after: Option<String>,
    ) -> Result<Page<T>, Error> {
        let start = after.map(|key| HashMap::from([("pk".to_owned(), AttributeValue::S(key))]));
        let output = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| classify("Scan", &error))?;
        let next = output.last_evaluated_key.as_ref();
        let next = next.and_then(|key| key.get("pk")?.as_s().ok()).cloned();
        let items = output.items.unwrap_or_default().into_iter();
        Ok((items.map(read).collect(), next))
    }
}
