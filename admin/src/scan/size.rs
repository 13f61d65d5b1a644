//! The sizes of items, as DynamoDB documents them.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::store::database::Item;

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
    use std::collections::HashMap;

    use super::*;

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
