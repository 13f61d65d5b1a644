//! Facts that are stated in several places agree, and the invariants of ARCHITECTURE.md hold.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use local::functions::REGISTRY;
use serde_json::Value;

use crate::support::{
    app::event,
    endpoints::FUNCTIONS,
    repository::{read, root, routes, rust_files, template},
};

/// The names in `folder`, without extensions.
fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| name(entry.unwrap().path())).collect()
}

/// The folders of `shared/src`; each imports only from earlier ones.
const FOLDERS: [&str; 7] = ["domain", "audit", "store", "auth", "http", "app", "lambda"];

/// The first path segments of `use crate::{…}` and `use crate::…`.
fn imports(text: &str) -> Vec<String> {
    let Some((_, rest)) = text.split_once("use crate::{") else {
        return vec![];
    };
    let (group, _) = rest.split_once("\n};").or(rest.split_once("};")).unwrap();
    let mut depth = 0;
    let mut names = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            other if depth == 0 => names.last_mut().unwrap().push(other),
            _ => {}
        }
    }
    names
        .iter()
        .map(|name| name.trim().split("::").next().unwrap().to_owned())
        .collect()
}

/// The files of a module, with their text.
fn files_of(source: &Path, module: &str) -> Vec<(PathBuf, String)> {
    let mut files = vec![source.join(format!("{module}.rs"))];
    files.extend(rust_files(&source.join(module)));
    let read = |file: PathBuf| (file.clone(), fs::read_to_string(file).unwrap());
    files.into_iter().map(read).collect()
}

/// The functions that are invoked otherwise than by a route.
const WITHOUT_A_ROUTE: [&str; 3] = ["authorize", "publish", "send_mail"];

/// The functions with a route.
fn endpoints() -> impl Iterator<Item = &'static str> {
    let names = REGISTRY.iter().map(|(name, _)| *name);
    names.filter(|name| !WITHOUT_A_ROUTE.contains(name))
}

/// The `main.rs` of every function with a route.
const MAIN: &str = "//! The Lambda function `NAME`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(NAME::handler, NAME::WARM_UP)
}
";

/// Most functions have no unit tests, and their empty test binaries would only take time.
#[test]
fn no_function_has_tests_that_are_not_run() {
    for (name, _) in REGISTRY {
        let folder = root().join("functions").join(name);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let library = manifest.split("[lib]").nth(1).unwrap();
        let library = library.split("[[bin]]").next().unwrap();
        let texts: Vec<String> = rust_files(&folder.join("src"))
            .into_iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        let contains = |words: &str| texts.iter().any(|text| text.contains(words));
        let has_tests = contains("#[cfg(test)]") || contains("#[test]");
        assert_eq!(library.contains("\ntest = false"), !has_tests, "{name}");
        assert!(
            !contains("/// ```"),
            "{name} has an example that is not run"
        );
    }
}

#[test]
fn functions_have_a_resource_an_event_and_an_entry() {
    let folders = names_in("functions");
    let resources: BTreeSet<_> = template()
        .functions
        .iter()
        .map(|function| function.binary.clone())
        .collect();
    let registry: BTreeSet<_> = REGISTRY
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(folders, resources);
    assert_eq!(folders, names_in("events"));
    assert_eq!(folders, registry);
}

#[test]
fn all_functions_are_compiled_at_once() {
    let config = read(".cargo/config.toml");
    let (_, alias) = config.split_once("[alias]\nfunctions = [").unwrap();
    let compiled: BTreeSet<_> = alias
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("\"--bin\", \"")?
                .strip_suffix("\",")
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(compiled, names_in("functions"));
}

/// The tests in `http/` run against every function of the list.
#[test]
fn the_list_of_functions_contains_every_route() {
    let listed = BTreeSet::from(FUNCTIONS.map(str::to_owned));
    assert_eq!(listed, routes().into_values().collect());
}

#[test]
fn events_match_a_route_of_their_function() {
    let routes = routes();
    for name in endpoints() {
        let event = event(name);
        assert_eq!(
            routes
                .get(event["routeKey"].as_str().unwrap())
                .map(String::as_str),
            Some(name)
        );
    }
}

/// `sam local invoke` passes on only the variables that the template declares.
#[test]
fn the_sam_local_environment_matches_the_template() {
    let file: Value = serde_json::from_str(&read("sam-local-env.json")).unwrap();
    let template = template();
    let tables: Vec<_> = template
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let values = file["Parameters"].as_object().unwrap();
    for (name, value) in values {
        assert!(
            template.settings().any(|setting| setting == name),
            "no function reads {name}"
        );
        let value = value.as_str().unwrap();
        assert!(
            !name.ends_with("_TABLE") || tables.contains(&value),
            "{value} is not a table"
        );
    }
    assert_eq!(values.len(), 5);
}

#[test]
fn shared_folders_import_only_earlier_ones() {
    let source = root().join("shared/src");
    let mut present: Vec<_> = names_in("shared/src")
        .into_iter()
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .filter(|name| name != "lib")
        .collect();
    present.sort_unstable();
    present.dedup();
    let mut known = FOLDERS.to_vec();
    known.sort_unstable();
    assert_eq!(present, known);
    for (place, folder) in FOLDERS.iter().enumerate() {
        for (file, text) in files_of(&source, folder) {
            for later in &FOLDERS[place + 1..] {
                let named = [format!("crate::{later}::"), format!("crate::{later};")];
                let grouped = imports(&text).iter().any(|import| import == later);
                assert!(
                    !grouped && !named.iter().any(|name| text.contains(name)),
                    "{file:?} imports {later}"
                );
            }
        }
    }
}

#[test]
fn libraries_are_used_only_where_allowed() {
    let allowed: [(&str, &[&str]); 8] = [
        (
            "aws_sdk_dynamodb",
            &[
                "shared/src/store/database",
                "shared/src/app.rs",
                "shared/src/app/connection.rs",
                "admin/src/connection.rs",
                "admin/src/scan",
                "admin/src/server_clock.rs",
            ],
        ),
        ("aws_sdk_sesv2", &["functions/send_mail/src/mailer.rs"]),
        (
            "aws_sdk_eventbridge",
            &["functions/publish/src/publisher.rs"],
        ),
        ("aws_sdk_scheduler", &["functions/send_mail/src/retries.rs"]),
        ("lambda_runtime", &["shared/src/lambda", "local/src"]),
        (
            "jsonwebtoken",
            &[
                "shared/src/auth/access_token/received.rs",
                "shared/src/auth/key_pair.rs",
                "shared/src/auth/public_key.rs",
                "shared/src/auth/session_token.rs",
            ],
        ),
        ("argon2", &["shared/src/domain/password"]),
        ("dynoxide", &["local/src"]),
    ];
    for folder in ["shared/src", "functions", "local/src", "admin/src"] {
        for file in rust_files(&root().join(folder)) {
            let name = file
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let text = fs::read_to_string(&file).unwrap();
            for (library, places) in &allowed {
                let names_it = text.contains(&format!("{library}::"));
                assert!(
                    !names_it || places.iter().any(|place| name.starts_with(place)),
                    "{name} names {library}"
                );
            }
        }
    }
}

#[test]
fn functions_depend_only_on_shared() {
    let manifest = |folder: &str| read(&format!("{folder}/Cargo.toml"));
    let functions = names_in("functions");
    for folder in functions
        .iter()
        .map(|name| format!("functions/{name}"))
        .chain(["shared".to_owned()])
    {
        let (_, dependencies) = manifest(&folder)
            .split_once("[dependencies]")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        for other in functions.iter().map(String::as_str).chain(["local"]) {
            let is_stated = dependencies.lines().any(|line| {
                line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} "))
            });
            assert!(!is_stated, "{folder} depends on {other}");
        }
    }
}

#[test]
fn domain_has_no_aws_io_or_async() {
    for (file, text) in files_of(&root().join("shared/src"), "domain") {
        for word in [
            "aws_",
            "async fn",
            ".await",
            "lambda_",
            "std::env",
            "SystemTime",
            "tokio",
        ] {
            assert!(!text.contains(word), "{file:?} has {word:?}");
        }
    }
}

/// The lines of other crates appear as warnings and errors only.
#[test]
fn crates_that_log_have_the_level_of_the_setting() {
    let telemetry = read("shared/src/lambda/telemetry.rs");
    for name in names_in("functions") {
        let folder = root().join("functions").join(&name).join("src");
        let logs = rust_files(&folder)
            .iter()
            .any(|file| fs::read_to_string(file).unwrap().contains("tracing::"));
        let is_listed = telemetry.contains(&format!("\"{name}\""));
        assert_eq!(logs, is_listed, "{name}");
    }
}

#[test]
fn endpoints_are_one_file_with_a_common_main() {
    for name in endpoints() {
        let folder = root().join("functions").join(name).join("src");
        let main = fs::read_to_string(folder.join("main.rs")).unwrap();
        let plain = |text: &str| text.replace([' ', '\n', ','], "");
        assert_eq!(plain(&main.replace(name, "NAME")), plain(MAIN), "{name}");
        // The hosted pages are several endpoints, with texts in every language.
        if name != "pages" {
            assert_eq!(
                rust_files(&folder).len(),
                2,
                "{name} must be one file beside main.rs"
            );
        }
    }
}
