//! Reads and describes whole tables, which no function has the right to do. Scans use eventually consistent reads, at
//! half the price.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, ConsumedCapacity, OnDemandThroughput, ProvisionedThroughputDescription,
        ReturnConsumedCapacity, TableDescription, TableStatus,
    },
};
use shared::{domain::clock::Timestamp, store::database::Item};

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

/// The state and capacity of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TableInfo {
    pub(crate) created_at: Timestamp,
    /// False while the table is being created or restored.
    pub(crate) is_active: bool,
    /// Write units that the table takes in a second, if there is a limit.
    pub(crate) max_write_units: Option<u64>,
    /// Read units that the table takes in a second, if there is a limit.
    pub(crate) max_read_units: Option<u64>,
    /// Number and size of the items, as DynamoDB counted them in the last hours.
    pub(crate) items: u64,
    pub(crate) bytes: u64,
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
                Error::new(&format!("the table {table} could not be read"), &error)
            })?;
            with(item);
        }
        Ok(())
    }

    /// Calls `with` for every item of `table`, and stays below `units` read units a second, so that the functions are not
    /// throttled.
    pub(crate) async fn each_below(
        &self,
        table: &str,
        units: u64,
        mut with: impl FnMut(Item),
    ) -> Result<(), Error> {
        let scan = self
            .client
            .scan()
            .table_name(table)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut pages = scan.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Error::new(&format!("the table {table} could not be read"), &error)
            })?;
            let consumed = page
                .consumed_capacity()
                .and_then(ConsumedCapacity::capacity_units);
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

impl TableInfo {
    fn new(table: &TableDescription) -> Option<Self> {
        let created_at = u64::try_from(table.creation_date_time()?.secs()).ok()?;
        let on_demand = table
            .on_demand_throughput()
            .and_then(OnDemandThroughput::max_write_request_units);
        let provisioned = table
            .provisioned_throughput()
            .and_then(ProvisionedThroughputDescription::write_capacity_units);
        let on_demand_reads = table
            .on_demand_throughput()
            .and_then(OnDemandThroughput::max_read_request_units);
        let provisioned_reads = table
            .provisioned_throughput()
            .and_then(ProvisionedThroughputDescription::read_capacity_units);
        // An on-demand table without a maximum says -1, and says 0 for its provisioned units.
        let limit = |units: Option<i64>| units.and_then(|units| u64::try_from(units).ok());
        Some(Self {
            created_at: Timestamp::from_unix(created_at),
            is_active: matches!(
                table.table_status(),
                Some(TableStatus::Active | TableStatus::Updating)
            ),
            max_write_units: limit(on_demand)
                .or_else(|| limit(provisioned))
                .filter(|units| *units > 0),
            max_read_units: limit(on_demand_reads)
                .or_else(|| limit(provisioned_reads))
                .filter(|units| *units > 0),
            items: limit(table.item_count()).unwrap_or_default(),
            bytes: limit(table.table_size_bytes()).unwrap_or_default(),
        })
    }
}

/// The string attribute `name` of `item`.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
}

/// The write units that an update of `item` consumes: one for each KiB of its size.
pub(crate) fn write_units(item: &Item) -> u32 {
    let bytes: usize = item.iter().map(member_bytes).sum();
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// The size of an attribute with its name, as DynamoDB documents it, rounded up.
fn member_bytes((name, value): (&String, &AttributeValue)) -> usize {
    name.len() + value_bytes(value)
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            texts.iter().map(String::len).sum()
        }
        AttributeValue::Bs(blobs) => blobs.iter().map(|blob| blob.as_ref().len()).sum(),
        AttributeValue::L(values) => {
            3 + values
                .iter()
                .map(|value| 1 + value_bytes(value))
                .sum::<usize>()
        }
        AttributeValue::M(members) => {
            3 + members
                .iter()
                .map(|member| 1 + member_bytes(member))
                .sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::DateTime;

    use super::*;

    #[test]
    fn the_write_limit_is_the_tables_own() {
        let limit = |on_demand: Option<i64>, provisioned: i64| {
            let on_demand = on_demand.map(|units| {
                OnDemandThroughput::builder()
                    .max_write_request_units(units)
                    .build()
            });
            let provisioned = ProvisionedThroughputDescription::builder()
                .write_capacity_units(provisioned)
                .build();
            let table = TableDescription::builder()
                .creation_date_time(DateTime::from_secs(1_769_860_800))
                .table_status(TableStatus::Active)
                .set_on_demand_throughput(on_demand)
                .provisioned_throughput(provisioned)
                .build();
            TableInfo::new(&table).unwrap().max_write_units
        };
        assert_eq!(limit(Some(2000), 0), Some(2000));
        assert_eq!(limit(Some(-1), 0), None);
        assert_eq!(limit(None, 0), None);
        assert_eq!(limit(None, 25), Some(25));
    }

    #[test]
    fn write_units_grow_with_the_size_of_the_item() {
        let item = |length: usize| {
            let session = HashMap::from([("u".to_owned(), AttributeValue::S("x".repeat(length)))]);
            let sessions = HashMap::from([("id".to_owned(), AttributeValue::M(session))]);
            HashMap::from([("sessions".to_owned(), AttributeValue::M(sessions))])
        };
        assert_eq!(write_units(&item(100)), 1);
        assert_eq!(write_units(&item(2000)), 2);
    }
}
