//! The table of audit records refuses changes of its records.

use std::collections::BTreeSet;

use crate::support::repository::read_yaml;

#[test]
fn no_principal_may_change_an_audit_record() {
    let template = read_yaml("template.yaml");
    let policy = &template["Resources"]["AuditTable"]["Properties"]["ResourcePolicy"];
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let denied: BTreeSet<_> = statements
        .iter()
        .filter(|statement| {
            statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Resource"] == "*"
                && statement["Condition"].is_null()
        })
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap())
        .collect();
    for action in [
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "PartiQLUpdate",
        "PartiQLDelete",
    ] {
        assert!(denied.contains(&*format!("dynamodb:{action}")), "{action}");
    }
}
