//! The deletion of expired items (TTL). DynamoDB does this within days.

use std::{collections::HashMap, io};

use dynoxide::{
    Database, DynoxideError,
    actions::{delete_item::DeleteItemRequest, scan::ScanRequest},
    types::AttributeValue,
};
use shared::domain::clock::Clock;

use super::{Error, failed};
use crate::template::Table;

/// Deletes expired items. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sweeper {
    database: Database,
    clock: Clock,
    /// The tables with an expiry.
    tables: Vec<Table>,
}

impl Sweeper {
    pub(crate) fn new(database: Database, clock: Clock, tables: &[Table]) -> Self {
        let expires = |table: &&Table| table.ttl_attribute.is_some();
        let tables = tables.iter().filter(expires).cloned().collect();
        Self {
            database,
            clock,
            tables,
        }
    }

    /// Deletes expired items and returns their number.
    pub(crate) async fn sweep(&self) -> Result<usize, Error> {
        let sweeper = self.clone();
        let swept = tokio::task::spawn_blocking(move || {
            let mut deleted = sweeper.database.sweep_ttl()?;
            // A database in a file reads the system clock, which may be behind the one of the server.
            for table in &sweeper.tables {
                deleted += sweeper.sweep_table(table)?;
            }
            Ok(deleted)
        })
        .await
        .map_err(io::Error::other)?;
        swept.map_err(failed("deletion of expired items".to_owned()))
    }

    fn sweep_table(&self, table: &Table) -> Result<usize, DynoxideError> {
        let condition = "#expires_at < :now".to_owned();
        let attribute = table.ttl_attribute.clone().unwrap_or_default();
        let names = HashMap::from([("#expires_at".to_owned(), attribute)]);
        let now = AttributeValue::N(self.clock.now().unix().to_string());
        let values = HashMap::from([(":now".to_owned(), now)]);
        let (mut deleted, mut start) = (0, None);
        loop {
            let page = self.database.scan(ScanRequest {
                table_name: table.name.clone(),
                filter_expression: Some(condition.clone()),
                expression_attribute_names: Some(names.clone()),
                expression_attribute_values: Some(values.clone()),
                exclusive_start_key: start,
                ..ScanRequest::default()
            })?;
            for item in page.items.unwrap_or_default() {
                let is_key = |name: &String| table.key.iter().any(|(key, _)| key == name);
                let key = item.into_iter().filter(|(name, _)| is_key(name)).collect();
                let result = self.database.delete_item(DeleteItemRequest {
                    table_name: table.name.clone(),
                    key,
                    // The item may have been replaced in the meantime.
                    condition_expression: Some(condition.clone()),
                    expression_attribute_names: Some(names.clone()),
                    expression_attribute_values: Some(values.clone()),
                    ..DeleteItemRequest::default()
                });
                match result {
                    Ok(_) => deleted += 1,
                    Err(DynoxideError::ConditionalCheckFailedException(..)) => {}
                    Err(error) => return Err(error),
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }
}
