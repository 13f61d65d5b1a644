//! A single write as the SDK's request. One function: its three kinds share no trait.

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};

use super::{
    Database, Write, error::Rejection, unanswered_attempts::UnansweredAttempts, write::Action,
};

impl Database {
    /// Sends the write, with the SDK's retries; `doubt` watches them.
    pub(super) async fn send(
        &self,
        write: &Write,
        doubt: &UnansweredAttempts,
    ) -> Result<(), Rejection> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let total = ReturnConsumedCapacity::Total;
        match &write.action {
            Action::Put(item) => {
                let put = self
                    .client
                    .put_item()
                    .table_name(&write.table)
                    .set_item(Some(item.clone()));
                let put = put
                    .condition_expression(&write.condition)
                    .set_expression_attribute_names(write.names());
                let put = put
                    .set_expression_attribute_values(write.values())
                    .return_consumed_capacity(total);
                let put = put.return_values_on_condition_check_failure(old);
                put.customize()
                    .interceptor(doubt.clone())
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| Rejection::of("PutItem", &error))
            }
            Action::Update(expression) => {
                let update = self
                    .client
                    .update_item()
                    .table_name(&write.table)
                    .set_key(Some(write.key()));
                let update = update
                    .update_expression(expression)
                    .condition_expression(&write.condition);
                let update = update
                    .set_expression_attribute_names(write.names())
                    .return_consumed_capacity(total);
                let update = update.set_expression_attribute_values(write.values());
                let update = update.return_values_on_condition_check_failure(old);
                update
                    .customize()
                    .interceptor(doubt.clone())
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| Rejection::of("UpdateItem", &error))
            }
            Action::Delete => {
                let delete = self
                    .client
                    .delete_item()
                    .table_name(&write.table)
                    .set_key(Some(write.key()));
                let delete = delete
                    .condition_expression(&write.condition)
                    .set_expression_attribute_names(write.names());
                let delete = delete
                    .set_expression_attribute_values(write.values())
                    .return_consumed_capacity(total);
                let delete = delete.return_values_on_condition_check_failure(old);
                delete
                    .customize()
                    .interceptor(doubt.clone())
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| Rejection::of("DeleteItem", &error))
            }
        }
    }
}
