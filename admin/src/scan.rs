//! Reads and describes whole tables, which no function has the right to do. Scans use eventually consistent reads, at
//! half the price.

mod estimate;
mod progress;
mod size;
mod table_info;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::scan::builders::ScanFluentBuilder,
    types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity},
};
use shared::store::database::Item;

pub(crate) use self::{
    estimate::Estimate, progress::Progress, size::write_units, table_info::TableInfo,
};
use crate::error::Error;

/// Reads and describes whole tables.
pub(crate) struct Scanner {
    client: Client,
}

/// A condition on the items to read. Attributes are written `#name` and values `:name`, as in
/// [`shared::store::database::Write`].
#[derive(Default)]
pub(crate) struct Filter {
    expression: Option<&'static str>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Filter {
    /// Selects every item.
    pub(crate) fn all() -> Self {
        Self::default()
    }

    /// Selects the items whose key begins with `prefix`.
    pub(crate) fn keys_with(prefix: &str) -> Self {
        let prefix = AttributeValue::S(prefix.to_owned());
        Self {
            expression: Some("begins_with(#pk, :prefix)"),
            names: HashMap::from([("#pk".to_owned(), "pk".to_owned())]),
            values: HashMap::from([(":prefix".to_owned(), prefix)]),
        }
    }
}

impl Filter {
    /// Selects the items whose attribute `name` is true.
    pub(crate) fn is_true(name: &str) -> Self {
        Self {
            expression: Some("#attribute = :yes"),
            names: HashMap::from([("#attribute".to_owned(), name.to_owned())]),
            values: HashMap::from([(":yes".to_owned(), AttributeValue::Bool(true))]),
        }
    }
}

impl Scanner {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Calls `with` for every item of `table` that `filter` selects.
    pub(crate) async fn each(
        &self,
        table: &str,
        filter: Filter,
        mut with: impl FnMut(Item),
    ) -> Result<(), Error> {
        let mut items = self.scan(table, filter).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| {
                Error::new(&format!("the table {table} could not be read"), &error)
            })?;
            with(item);
        }
        Ok(())
    }

    fn scan(&self, table: &str, filter: Filter) -> ScanFluentBuilder {
        self.client
            .scan()
            .table_name(table)
            .set_filter_expression(filter.expression.map(str::to_owned))
            .set_expression_attribute_names((!filter.names.is_empty()).then_some(filter.names))
            .set_expression_attribute_values((!filter.values.is_empty()).then_some(filter.values))
    }

    /// Calls `with` for every item of `table` that `filter` selects, and stays below `units` read units a second, so that the functions are
    /// not throttled. Reports the items that were read to `progress`.
    pub(crate) async fn each_below(
        &self,
        table: &str,
        filter: Filter,
        units: u64,
        mut progress: Progress,
        mut with: impl FnMut(Item),
    ) -> Result<(), Error> {
        let scan = self
            .scan(table, filter)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut pages = scan.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Error::new(&format!("the table {table} could not be read"), &error)
            })?;
            let consumed = page
                .consumed_capacity()
                .and_then(ConsumedCapacity::capacity_units);
            progress.add(page.scanned_count());
            let pages_left = page.last_evaluated_key().is_some();
            page.items
                .unwrap_or_default()
                .into_iter()
                .for_each(&mut with);
            if let Some(consumed) = consumed.filter(|_| pages_left) {
                #[expect(clippy::cast_precision_loss, reason = "a pause")]
                let seconds = consumed / units as f64;
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
        }
        progress.finish();
        Ok(())
    }

    /// Describes `table`.
    pub(crate) async fn describe(&self, table: &str) -> Result<TableInfo, Error> {
        let described = self.client.describe_table().table_name(table).send().await;
        let described = described.map_err(|error| {
            Error::new(&format!("the table {table} could not be described"), &error)
        })?;
        described
            .table
            .as_ref()
            .and_then(TableInfo::new)
            .ok_or_else(|| Error::message(format!("DynamoDB did not describe the table {table}")))
    }
}

/// The string attribute `name` of `item`.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
}
