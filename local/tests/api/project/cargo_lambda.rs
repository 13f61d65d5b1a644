//! `cargo lambda watch` has the routes of template.yaml, which Cargo.toml repeats for it.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use crate::support::repository::routes;

/// Route and function of everything that `cargo lambda watch` serves, according to cargo's metadata.
fn watched() -> BTreeMap<String, String> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let paths = metadata["metadata"]["lambda"]["watch"]["router"].as_object();
    let routes = paths.unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_array().unwrap().iter();
        methods.map(move |route| {
            let text = |name: &str| route[name].as_str().unwrap();
            let key = format!("{} {path}", text("method"));
            (key, text("function").to_owned())
        })
    });
    routes.collect()
}

#[test]
fn routes_are_those_of_the_template() {
    assert_eq!(watched(), routes());
}
