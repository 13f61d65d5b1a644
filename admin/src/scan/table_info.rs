//! The state and capacity of a table.

use aws_sdk_dynamodb::types::{
    OnDemandThroughput, ProvisionedThroughputDescription, TableDescription, TableStatus,
};
use shared::domain::clock::Timestamp;

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

impl TableInfo {
    pub(super) fn new(table: &TableDescription) -> Option<Self> {
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
}
