//! A write of one item, sent by itself or as a part of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use serde::Serialize;

use super::{Assignments, Error, Item};

/// Sets what every request has in common. A macro, since the SDK's six builders share no trait.
macro_rules! conditional {
    ($builder:expr, $write:expr) => {
        $builder
            .table_name(&$write.table)
            .set_condition_expression($write.condition.clone())
            .set_expression_attribute_names($write.names())
            .set_expression_attribute_values($write.values())
            .set_return_values_on_condition_check_failure(
                $write.condition.is_some().then_some(
                    aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
                ),
            )
    };
}
pub(super) use conditional;

/// A write of one item. It has a condition, unless it is a part of a transaction whose first write has one.
///
/// In its expressions `#name` stands for the attribute `name`, or for what [`Self::name`] sets, so that no attribute can
/// clash with DynamoDB's reserved words.
///
/// ```
/// use shared::store::database::Write;
///
/// let write = Write::update(
///     "Users",
///     "user#21",
///     "SET #first_name = :first_name",
///     "attribute_exists(#pk) AND #version = :version",
/// )
/// .value("first_name", "John")?
/// .value("version", 7)?;
/// # Ok::<_, shared::store::database::Error>(())
/// ```
#[derive(Clone)]
pub struct Write {
    pub(super) table: String,
    pub(super) key: String,
    pub(super) action: Action,
    pub(super) condition: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    id: Option<String>,
}

#[derive(Clone)]
pub(super) enum Action {
    Put(Item),
    Update(String),
    Delete,
}

impl Write {
    /// Puts `item` at `key` if `condition` holds.
    ///
    /// # Errors
    /// [`Error::Defect`] if `item` does not serialize to a map.
    pub fn put<T: Serialize>(
        table: &str,
        key: &str,
        item: T,
        condition: &str,
    ) -> Result<Self, Error> {
        let mut item: Item =
            serde_dynamo::to_item(item).map_err(|error| Error::unwritable(&error))?;
        item.insert("pk".to_owned(), AttributeValue::S(key.to_owned()));
        Ok(Self::new(table, key, Action::Put(item), Some(condition)))
    }

    /// Updates the item at `key` by `expression` if `condition` holds.
    #[must_use]
    pub fn update(table: &str, key: &str, expression: &str, condition: &str) -> Self {
        let action = Action::Update(expression.to_owned());
        Self::new(table, key, action, Some(condition))
    }

    /// Updates as [`Self::update`] does, by `expression` and `also`. The expression begins with a `SET` clause.
    #[must_use]
    pub fn update_with(
        table: &str,
        key: &str,
        expression: &str,
        also: Assignments,
        condition: &str,
    ) -> Self {
        let mut write = Self::update(table, key, &also.added_to(expression), condition);
        write.values.extend(also.into_values());
        write
    }

    /// Deletes the item at `key` if `condition` holds.
    #[must_use]
    pub fn delete(table: &str, key: &str, condition: &str) -> Self {
        Self::new(table, key, Action::Delete, Some(condition))
    }

    /// Deletes the item at `key`, in whatever state it is and if there is one, to be part of a transaction that is conditional on
    /// another item.
    #[must_use]
    pub fn delete_in_transaction(table: &str, key: &str) -> Self {
        Self::new(table, key, Action::Delete, None)
    }

    fn new(table: &str, key: &str, action: Action, condition: Option<&str>) -> Self {
        let expression = if let Action::Update(expression) = &action {
            expression.as_str()
        } else {
            ""
        };
        let names = [expression, condition.unwrap_or_default()]
            .into_iter()
            .flat_map(attributes)
            .collect();
        Self {
            table: table.to_owned(),
            key: key.to_owned(),
            action,
            condition: condition.map(str::to_owned),
            names,
            values: HashMap::new(),
            id: None,
        }
    }

    /// Sets the attribute or map key that `#placeholder` stands for.
    #[must_use]
    pub fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.names
            .insert(format!("#{placeholder}"), name.to_owned());
        self
    }

    /// Sets the value that `:placeholder` stands for.
    ///
    /// # Errors
    /// [`Error::Defect`] if `value` does not serialize.
    pub fn value<T: Serialize>(mut self, placeholder: &str, value: T) -> Result<Self, Error> {
        let value =
            serde_dynamo::to_attribute_value(value).map_err(|error| Error::unwritable(&error))?;
        self.values.insert(format!(":{placeholder}"), value);
        Ok(self)
    }

    /// States the id that this write stores in the item's `writer` attribute. If the condition fails on an item with
    /// this id, the write has been applied already and only its response was lost.
    #[must_use]
    pub fn with_write_id(mut self, write_id: &str) -> Self {
        self.id = Some(write_id.to_owned());
        self
    }

    /// Returns true if `item` was last written by this write.
    pub(super) fn is_own(&self, item: Option<&Item>) -> bool {
        let last_write_id = item
            .and_then(|item| item.get("writer"))
            .and_then(|write_id| write_id.as_s().ok());
        self.id.is_some() && last_write_id == self.id.as_ref()
    }

    pub(super) fn key(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([("pk".to_owned(), AttributeValue::S(self.key.clone()))])
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// Converts the write to a part of a transaction.
    pub(super) fn to_transact_item(&self) -> Result<TransactWriteItem, Error> {
        let item = TransactWriteItem::builder();
        let item = match &self.action {
            Action::Put(content) => {
                let put = conditional!(Put::builder(), self).set_item(Some(content.clone()));
                item.put(put.build().map_err(|error| incomplete(&error))?)
            }
            Action::Update(expression) => {
                let update = conditional!(Update::builder(), self)
                    .set_key(Some(self.key()))
                    .update_expression(expression);
                item.update(update.build().map_err(|error| incomplete(&error))?)
            }
            Action::Delete => {
                let delete = conditional!(Delete::builder(), self).set_key(Some(self.key()));
                item.delete(delete.build().map_err(|error| incomplete(&error))?)
            }
        };
        Ok(item.build())
    }
}

fn incomplete(error: &aws_sdk_dynamodb::error::BuildError) -> Error {
    Error::Defect {
        operation: "TransactWriteItems",
        problem: error.to_string(),
    }
}

/// Returns every `#name` in an expression with the attribute that it stands for.
fn attributes(expression: &str) -> impl Iterator<Item = (String, String)> {
    expression.split('#').skip(1).map(|rest| {
        let end = rest
            .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        (format!("#{name}"), name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_found() {
        let named: Vec<_> = attributes("SET #sessions.#sid = :s REMOVE #failures")
            .map(|(name, _)| name)
            .collect();
        assert_eq!(named, ["#sessions", "#sid", "#failures"]);
    }
}
