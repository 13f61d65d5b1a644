//! Files of this repository.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use local::template::Template;
use serde_json::Value;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of the file at `path` from the root.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// A YAML file as plain data: an intrinsic function of CloudFormation is its argument.
pub fn read_yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

/// template.yaml as the development server reads it, with every function.
pub fn template() -> Template {
    let settings = BTreeMap::from([("EventBusName".to_owned(), "events".to_owned())]);
    Template::read_with(&root().join("template.yaml"), &settings).unwrap()
}

/// Every Rust source below `folder`; none if there is no such folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return vec![];
    };
    let of = |path: PathBuf| {
        if path.is_dir() {
            rust_files(&path)
        } else {
            vec![path]
        }
    };
    let files = entries.flat_map(|entry| of(entry.unwrap().path()));
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Method and path of every route of the template, with its function.
pub fn routes() -> BTreeMap<String, String> {
    let template = template();
    let functions = template.functions.iter();
    let routes = functions.flat_map(|function| {
        let routes = function.routes.iter();
        routes.map(|route| (route.key(), function.binary.clone()))
    });
    routes.collect()
}
