//! Reads whole tables, which no function may. What it reads is a little old at worst: eventual reads cost half.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use shared::store::database::Item;

use crate::failure::Failure;

/// Reads whole tables.
pub(crate) struct Scanner {
    client: Client,
}

/// Which items. An attribute is written `#name` and a value `:name`, as in [`shared::store::database::Write`].
#[derive(Default)]
pub(crate) struct Filter {
    expression: Option<&'static str>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Filter {
    /// Every item.
    pub(crate) fn all() -> Self {
        Self::default()
    }

    /// Those whose key begins with `prefix`.
    pub(crate) fn keys_with(prefix: &str) -> Self {
        let prefix = AttributeValue::S(prefix.to_owned());
        Self {
            expression: Some("begins_with(#pk, :prefix)"),
            names: HashMap::from([("#pk".to_owned(), "pk".to_owned())]),
            values: HashMap::from([(":prefix".to_owned(), prefix)]),
        }
    }
}

impl Scanner {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Hands every item of `table` that `filter` lets through to `with`.
    pub(crate) async fn each(
        &self,
        table: &str,
        filter: Filter,
        mut with: impl FnMut(Item),
    ) -> Result<(), Failure> {
        let some = |is_empty: bool| !is_empty;
        let scan = self
            .client
            .scan()
            .table_name(table)
            .set_filter_expression(filter.expression.map(str::to_owned))
            .set_expression_attribute_names(some(filter.names.is_empty()).then_some(filter.names))
            .set_expression_attribute_values(
                some(filter.values.is_empty()).then_some(filter.values),
            );
        let mut items = scan.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| {
                Failure::of(&format!("the table {table} could not be read"), &error)
            })?;
            with(item);
        }
        Ok(())
    }
}

/// The text attribute `name` of `item`.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
}
