//! Items that are not compared.

use serde_json::Value;
use shared::domain::email::EmailAddress;

use crate::database::{Snapshot, Tables};

/// Returns true for a marker that any request may remove at any moment.
pub(super) fn is_expired_reservation(item: &Value, now: u64) -> bool {
    let until = item["reserved_until"]["N"].as_str();
    until.is_some_and(|until| until.parse::<u64>().unwrap() <= now)
}

/// Returns true for a counter of a source whose only request was taken back. It counts as much as none.
pub(super) fn is_taken_back(item: &Value) -> bool {
    item["window_ends"].is_object() && item["count"]["N"] == "0"
}

/// Returns false for a mail on request that can only be dropped: its user has been deleted or disabled, or has another
/// address. A request that has read the address may still queue it.
pub(super) fn has_recipient(item: &Value, tables: &Tables, state: &Snapshot) -> bool {
    if item["kind"]["S"] != "reset_password" && item["kind"]["S"] != "confirm_email" {
        return true;
    }
    let id = item["user"]["N"].as_str().unwrap();
    let key = format!("user#{id}");
    let mut entries = Tables::numbers(state).map(|numbers| tables.entry(numbers));
    let Some((_, user)) = entries.find(|(found, _)| found.1 == key) else {
        return false;
    };
    if user.get("disabled_at").is_some() {
        return false;
    }
    let addresses = [
        &user["email"]["S"],
        &user["pending_email"]["M"]["email"]["S"],
    ];
    addresses
        .into_iter()
        .filter_map(Value::as_str)
        .any(|address| {
            let address = EmailAddress::parse(address).unwrap();
            item["for"]["S"] == address.hash().as_str()
        })
}
