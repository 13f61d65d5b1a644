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

#[cfg(test)]
mod tests {
    use dynoxide::actions::put_item::PutItemRequest;
    use shared::domain::clock::Timestamp;

    use super::*;
    use crate::{
        dynamodb::open,
        testing::{ManualClock, fixed_providers},
    };

    /// 2100-01-01T00:00:00Z, which the system clock has not reached.
    const LATER: u64 = 4_102_444_800;

    #[tokio::test]
    async fn a_data_file_is_swept_by_the_clock_of_the_server() {
        let name = format!("latchkey-sweeper-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let clock = fixed_providers(&ManualClock::new(Timestamp::from_unix(LATER)), 1).clock;
        let tables = [Table {
            name: "Transient".to_owned(),
            key: vec![("pk".to_owned(), "S".to_owned())],
            ttl_attribute: Some("expires_at".to_owned()),
            stream: None,
        }];
        let database = open(Some(&folder.join("data.db")), &clock, &tables).expect("a database");
        for expires_at in [LATER - 1, LATER + 1] {
            let item = [
                ("pk", AttributeValue::S(expires_at.to_string())),
                ("expires_at", AttributeValue::N(expires_at.to_string())),
            ];
            let item = item.map(|(name, value)| (name.to_owned(), value));
            let request = PutItemRequest {
                table_name: "Transient".to_owned(),
                item: item.into(),
                ..PutItemRequest::default()
            };
            database.put_item(request).expect("an item");
        }
        let sweeper = Sweeper::new(database, clock, &tables);
        let swept = sweeper.sweep().await.expect("a sweep");
        let swept_again = sweeper.sweep().await.expect("a sweep");
        std::fs::remove_dir_all(folder).expect("the folder");
        assert_eq!((swept, swept_again), (1, 0));
    }
}
