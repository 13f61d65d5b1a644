//! DynamoDB: an embedded database with the tables of the template, served over the protocol of the real service.

mod endpoint;
mod stream_writes;
mod sweeper;

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use dynoxide::{
    Database, DynoxideError,
    actions::{
        create_table::{CreateTableRequest, StreamSpecification},
        update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest},
    },
    storage_backend,
    types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType},
};
use shared::domain::clock::Clock;
use tokio::net::TcpListener;

pub(crate) use self::{stream_writes::StreamWrites, sweeper::Sweeper};
use crate::{faults::Faults, http_server::HttpServer, template::Table};

/// The endpoint of the database, which runs until it is stopped or dropped.
pub(crate) struct DynamoDb(HttpServer);

/// The database cannot be opened, or an operation on it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operation failed.
    #[error("{operation}: {source}")]
    Database {
        /// The operation, or the table or file that it concerns.
        operation: String,
        /// The error of the database.
        source: DynoxideError,
    },
    /// The data file cannot be opened. The database's own advice is for its users, not for ours.
    #[error(
        "{file} cannot be opened as a data file: it is of another program, is damaged, or may not be read and written; name another one with --data"
    )]
    File {
        /// The file.
        file: String,
        /// The error of the database.
        source: DynoxideError,
    },
    /// The path of the data file is not UTF-8.
    #[error("the path of the data file must be UTF-8")]
    Path,
    /// The endpoint cannot listen.
    #[error(transparent)]
    Listener(#[from] io::Error),
}

/// Opens the database in the file `data`, or in memory, and creates missing tables.
pub(crate) fn open(
    data: Option<&Path>,
    clock: &Clock,
    tables: &[Table],
) -> Result<Database, Error> {
    let database = match data {
        None => Database::memory_with_clock(Arc::new(DatabaseClock(clock.clone())))
            .map_err(failed("in-memory database".to_owned()))?,
        Some(file) => {
            let opened = Database::new(file.to_str().ok_or(Error::Path)?);
            opened.map_err(|source| Error::File {
                file: file.display().to_string(),
                source,
            })?
        }
    };
    for table in tables {
        create_table(&database, table).map_err(failed(format!("table {}", table.name)))?;
    }
    Ok(database)
}

fn failed(operation: String) -> impl FnOnce(DynoxideError) -> Error {
    move |source| Error::Database { operation, source }
}

/// Creates `table`, unless it exists. An existing table is not changed.
fn create_table(database: &Database, table: &Table) -> Result<(), DynoxideError> {
    if database.get_table_metadata(&table.name)?.is_some() {
        return Ok(());
    }
    let roles = [KeyType::HASH, KeyType::RANGE];
    database.create_table(CreateTableRequest {
        table_name: table.name.clone(),
        key_schema: (table.key.iter().zip(roles))
            .map(|((name, _), key_type)| KeySchemaElement {
                attribute_name: name.clone(),
                key_type,
            })
            .collect(),
        attribute_definitions: (table.key.iter())
            .map(|(name, kind)| AttributeDefinition {
                attribute_name: name.clone(),
                attribute_type: attribute_type(kind),
            })
            .collect(),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        stream_specification: table.stream.clone().map(|view| StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(view),
        }),
        ..CreateTableRequest::default()
    })?;
    if let Some(attribute) = &table.ttl_attribute {
        database.update_time_to_live(UpdateTimeToLiveRequest {
            table_name: table.name.clone(),
            time_to_live_specification: TimeToLiveSpecification {
                attribute_name: attribute.clone(),
                enabled: true,
            },
        })?;
    }
    Ok(())
}

fn attribute_type(kind: &str) -> ScalarAttributeType {
    match kind {
        "N" => ScalarAttributeType::N,
        "B" => ScalarAttributeType::B,
        _ => ScalarAttributeType::S,
    }
}

/// The clock of the functions, for the expiry and the streams of the database.
struct DatabaseClock(Clock);

impl storage_backend::Clock for DatabaseClock {
    fn now_unix_secs(&self) -> u64 {
        self.0.now().unix()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        std::time::Duration::from_secs(self.0.now().unix()).as_secs_f64()
    }
}

impl DynamoDb {
    /// Serves `database` on `listener`, and counts the requests that write to a stream.
    pub(crate) fn serve(
        database: &Database,
        listener: TcpListener,
        faults: &Faults,
        writes: &StreamWrites,
    ) -> Result<Self, Error> {
        let server = HttpServer::start_guarded(listener, {
            let (database, faults, writes) = (database.clone(), faults.clone(), writes.clone());
            move |request, _| {
                let (database, faults, writes) = (database.clone(), faults.clone(), writes.clone());
                async move {
                    let handle = |request| endpoint::handle(database, writes, request);
                    faults.intercept(request, handle).await
                }
            }
        })?;
        Ok(Self(server))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Accepts no more connections, lets open requests complete and closes every connection.
    pub(crate) async fn stop(&mut self) {
        self.0.stop().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, fixed_providers};

    fn table() -> Table {
        Table {
            name: "Transient".to_owned(),
            key: vec![("pk".to_owned(), "S".to_owned())],
            ttl_attribute: Some("expires_at".to_owned()),
            stream: Some("NEW_IMAGE".to_owned()),
        }
    }

    #[test]
    fn tables_are_created_once_with_their_ttl_and_stream() {
        let clock = fixed_providers(&ManualClock::default(), 1).clock;
        let database = open(None, &clock, &[table()]).expect("a database");
        create_table(&database, &table()).expect("no change");
        let metadata = database
            .get_table_metadata("Transient")
            .expect("a response")
            .expect("the table");
        assert_eq!(metadata.ttl_attribute.as_deref(), Some("expires_at"));
        assert_eq!(metadata.stream_view_type.as_deref(), Some("NEW_IMAGE"));
        assert!(metadata.ttl_enabled && metadata.stream_enabled);
    }
}
