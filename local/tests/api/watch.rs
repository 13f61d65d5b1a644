//! `cargo lambda watch` has the routes of template.yaml: Cargo.toml repeats them in the form that it reads.

use std::{collections::BTreeSet, path::Path, process::Command};

use local::template::Template;
use serde_json::Value;

/// Route and function of everything that `cargo lambda watch` serves, by what cargo makes of Cargo.toml.
fn watched() -> BTreeSet<(String, String)> {
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
fn cargo_lambda_watch_has_the_routes_of_the_template() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let template = Template::read(&file).unwrap();
    let routes = template.functions.iter().flat_map(|function| {
        let routes = function.routes.iter();
        routes.map(|route| (route.key(), function.binary.clone()))
    });
    assert_eq!(watched(), routes.collect());
}
