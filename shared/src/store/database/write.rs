//! One conditional write, described once and sent by itself or as a part of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use super::{Error, Item};

/// A conditional write of one item.
///
/// In its expressions every attribute is written `#name`, and means the attribute `name` unless [`Self::name`] says
/// otherwise: so none can clash with DynamoDB's reserved words.
#[derive(Clone)]
pub struct Write {
    pub(super) table: String,
    pub(super) key: String,
    pub(super) action: Action,
    pub(super) condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    writer: Option<String>,
}

#[derive(Clone)]
pub(super) enum Action {
    Put(Item),
    Update(String),
    Delete,
}

impl Write {
    /// Puts `item` at `key`, on `condition`.
    ///
    /// # Errors
    /// [`Error`] if `item` does not serialise to a map.
    pub fn put<T: Serialize>(
        table: &str,
        key: &str,
        item: T,
        condition: &str,
    ) -> Result<Self, Error> {
        let mut item: Item =
            serde_dynamo::to_item(item).map_err(|error| Error::unwritable(&error))?;
        item.insert("pk".to_owned(), AttributeValue::S(key.to_owned()));
        Ok(Self::new(table, key, Action::Put(item), condition))
    }

    /// Updates the item at `key` as `expression` says, on `condition`.
    #[must_use]
    pub fn update(table: &str, key: &str, expression: &str, condition: &str) -> Self {
        Self::new(table, key, Action::Update(expression.to_owned()), condition)
    }

    /// Deletes the item at `key`, on `condition`.
    #[must_use]
    pub fn delete(table: &str, key: &str, condition: &str) -> Self {
        Self::new(table, key, Action::Delete, condition)
    }

    fn new(table: &str, key: &str, action: Action, condition: &str) -> Self {
        let expression = if let Action::Update(expression) = &action {
            expression.as_str()
        } else {
            ""
        };
        let names = [expression, condition]
            .into_iter()
            .flat_map(attributes)
            .collect();
        let (table, key, condition) = (table.to_owned(), key.to_owned(), condition.to_owned());
        Self {
            table,
            key,
            action,
            condition,
            names,
            values: HashMap::new(),
            writer: None,
        }
    }

    /// Has `#placeholder` in the expressions mean the attribute or map key `name`.
    #[must_use]
    pub fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.names
            .insert(format!("#{placeholder}"), name.to_owned());
        self
    }

    /// Gives `:placeholder` in the expressions its value.
    ///
    /// # Errors
    /// [`Error`] if `value` does not serialise.
    pub fn value<T: Serialize>(mut self, placeholder: &str, value: T) -> Result<Self, Error> {
        let value =
            serde_dynamo::to_attribute_value(value).map_err(|error| Error::unwritable(&error))?;
        self.values.insert(format!(":{placeholder}"), value);
        Ok(self)
    }

    /// The name that this write leaves in the item's `writer` attribute: should the condition fail on an item that
    /// bears it, the write has taken place already and only its answer was lost.
    #[must_use]
    pub fn with_write_id(mut self, writer: &str) -> Self {
        self.writer = Some(writer.to_owned());
        self
    }

    /// Whether `item` bears this write's name.
    pub(super) fn is_own(&self, item: Option<&Item>) -> bool {
        let writer = item
            .and_then(|item| item.get("writer"))
            .and_then(|writer| writer.as_s().ok());
        self.writer.is_some() && writer == self.writer.as_ref()
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

    /// This write as a part of a transaction.
    pub(super) fn to_transact_item(&self) -> Result<TransactWriteItem, Error> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        Ok(match &self.action {
            Action::Put(content) => {
                let put = Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(content.clone()));
                let put = put
                    .condition_expression(&self.condition)
                    .set_expression_attribute_names(self.names());
                let put = put
                    .set_expression_attribute_values(self.values())
                    .return_values_on_condition_check_failure(old);
                item.put(put.build().map_err(|error| incomplete(&error))?)
            }
            Action::Update(expression) => {
                let update = Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(self.key()))
                    .update_expression(expression);
                let update = update
                    .condition_expression(&self.condition)
                    .set_expression_attribute_names(self.names());
                let update = update
                    .set_expression_attribute_values(self.values())
                    .return_values_on_condition_check_failure(old);
                item.update(update.build().map_err(|error| incomplete(&error))?)
            }
            Action::Delete => {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(self.key()));
                let delete = delete
                    .condition_expression(&self.condition)
                    .set_expression_attribute_names(self.names());
                let delete = delete
                    .set_expression_attribute_values(self.values())
                    .return_values_on_condition_check_failure(old);
                item.delete(delete.build().map_err(|error| incomplete(&error))?)
            }
        }
        .build())
    }
}

fn incomplete(error: &aws_sdk_dynamodb::error::BuildError) -> Error {
    Error::Defect {
        operation: "TransactWriteItems",
        problem: error.to_string(),
    }
}

/// Every `#name` in an expression, with the attribute that it means.
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
    fn every_attribute_of_an_expression_is_named() {
        let named: Vec<_> = attributes("SET #sessions.#sid = :s REMOVE #failures")
            .map(|(name, _)| name)
            .collect();
        assert_eq!(named, ["#sessions", "#sid", "#failures"]);
    }
}
