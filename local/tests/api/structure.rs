//! What is stated in more than one place says the same: template, folders, events, the local server's registry and
//! openapi.yaml. And the invariants of ARCHITECTURE.md hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use local::{functions::REGISTRY, template::Template};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn template() -> Template {
    Template::read(&root().join("template.yaml")).unwrap()
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn openapi() -> Value {
    serde_saphyr::from_str(&fs::read_to_string(root().join("openapi.yaml")).unwrap()).unwrap()
}

/// Method and path of every route, with the function it leads to.
fn routes() -> BTreeMap<String, String> {
    let template = template();
    let of = |function: &local::template::Function| {
        let binary = function.binary.clone();
        function
            .routes
            .iter()
            .map(move |route| (route.key(), binary.clone()))
            .collect::<Vec<_>>()
    };
    template.functions.iter().flat_map(of).collect()
}

#[test]
fn every_folder_has_its_resource_its_event_and_its_line_in_the_registry() {
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
fn every_event_is_of_a_route_of_its_function() {
    let routes = routes();
    for (name, _) in REGISTRY.iter().filter(|(name, _)| *name != "send_mail") {
        let event = crate::app::event(name);
        assert_eq!(
            routes
                .get(event["routeKey"].as_str().unwrap())
                .map(String::as_str),
            Some(*name)
        );
    }
}

#[test]
fn openapi_has_the_templates_routes_and_names_them_after_their_functions() {
    let openapi = openapi();
    let mut documented = BTreeMap::new();
    for (path, operations) in openapi["paths"].as_object().unwrap() {
        for (method, operation) in operations
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| *name != "parameters")
        {
            let id = operation["operationId"].as_str().unwrap();
            let function = id.strip_suffix("_patch").unwrap_or(id);
            documented.insert(
                format!("{} {path}", method.to_uppercase()),
                function.to_owned(),
            );
        }
    }
    assert_eq!(documented, routes());
}

#[test]
fn openapi_documents_the_statuses_of_the_contract() {
    let openapi = openapi();
    let statuses = |path: &str, method: &str| {
        let responses = openapi["paths"][path][method]["responses"]
            .as_object()
            .unwrap();
        responses
            .keys()
            .map(|status| status.parse().unwrap())
            .collect::<Vec<u16>>()
    };
    let expected: [(&str, &str, &[u16]); 9] = [
        (
            "/api/users/update_details",
            "patch",
            &[200, 400, 401, 403, 409, 413, 429, 500, 503],
        ),
        (
            "/api/users/{id}",
            "get",
            &[200, 400, 401, 404, 429, 500, 503],
        ),
        (
            "/api/passwords/reset_password",
            "post",
            &[200, 400, 404, 413, 429, 500, 503],
        ),
        (
            "/api/passwords/reset_password_complete",
            "post",
            &[201, 400, 413, 429, 500, 503],
        ),
        (
            "/api/passwords/reset_password_complete",
            "patch",
            &[201, 400, 413, 429, 500, 503],
        ),
        ("/auth/signup", "post", &[201, 400, 413, 429, 500, 503]),
        ("/auth/login", "post", &[200, 400, 401, 413, 429, 500, 503]),
        ("/auth/logout", "post", &[204, 401, 429, 500, 503]),
        ("/.well-known/jwks.json", "get", &[200, 429, 500, 503]),
    ];
    for (path, method, all) in expected {
        let documented: BTreeSet<_> = statuses(path, method).into_iter().collect();
        let missing: Vec<_> = all
            .iter()
            .filter(|status| !documented.contains(status))
            .collect();
        assert!(missing.is_empty(), "{method} {path} lacks {missing:?}");
    }
}

/// `sam local invoke` only passes on variables that the template states.
#[test]
fn the_environment_for_sam_local_invoke_is_of_settings_and_tables_of_the_template() {
    let file = fs::read_to_string(root().join("sam-local-env.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
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
            "there is no table {value}"
        );
    }
    assert_eq!(values.len(), 4);
}

/// Whatever an example has a person read is what the functions, or the gateway, say.
#[test]
fn the_texts_in_openapis_examples_are_the_functions_own() {
    let sources: String = ["shared/src", "functions", "local/src/gateway"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let plain = |text: &str| text.replace(['\n', '\\', ' ', '"'], "");
    let sources = plain(&sources)
        .replace("{min}", "8")
        .replace("{MAX_CHARACTERS}", "128");
    let mut texts = BTreeSet::new();
    collect_texts(&openapi(), false, &mut texts);
    assert!(texts.len() > 15, "{texts:?}");
    for text in texts
        .iter()
        .filter(|text| !GATEWAYS.contains(&text.as_str()))
    {
        assert!(sources.contains(&plain(text)), "nothing says {text:?}");
    }
}

/// What API Gateway says itself.
const GATEWAYS: [&str; 5] = [
    "Not Found",
    "Request Entity Too Large",
    "Too Many Requests",
    "Internal Server Error",
    "Service Unavailable",
];

fn collect_texts(value: &Value, in_example: bool, texts: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text)
                        if in_example && (name == "detail" || name == "message") =>
                    {
                        texts.insert(text.clone());
                    }
                    _ => collect_texts(
                        member,
                        in_example || name == "example" || name == "examples",
                        texts,
                    ),
                }
            }
        }
        Value::Array(list) => list
            .iter()
            .for_each(|one| collect_texts(one, in_example, texts)),
        _ => {}
    }
}

/// The folders of `shared/src`: each imports only from those before it.
const FOLDERS: [&str; 7] = ["domain", "audit", "store", "auth", "http", "app", "lambda"];

#[test]
fn folders_of_shared_import_only_earlier_ones() {
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

fn files_of(source: &Path, module: &str) -> Vec<(PathBuf, String)> {
    let mut files = vec![source.join(format!("{module}.rs"))];
    files.extend(rust_files(&source.join(module)));
    let read = |file: PathBuf| (file.clone(), fs::read_to_string(file).unwrap());
    files.into_iter().map(read).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
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

#[test]
fn only_those_who_may_name_a_library_do() {
    let allowed: [(&str, &[&str]); 6] = [
        (
            "aws_sdk_dynamodb",
            &[
                "shared/src/store/database",
                "shared/src/app.rs",
                "shared/src/app/connection.rs",
                "admin/src/connection.rs",
                "admin/src/scan.rs",
            ],
        ),
        ("aws_sdk_sesv2", &["functions/send_mail/src/mailer.rs"]),
        ("lambda_runtime", &["shared/src/lambda", "local/src"]),
        (
            "jsonwebtoken",
            &[
                "shared/src/auth/session_token.rs",
                "shared/src/auth/signer.rs",
                "shared/src/auth/verifier.rs",
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
fn functions_know_shared_alone_and_shared_knows_none_of_them() {
    let manifest =
        |folder: &str| fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
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
fn domain_has_no_aws_no_io_and_no_async() {
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

#[test]
fn every_function_is_short_and_every_main_alike() {
    for name in names_in("functions") {
        let folder = root().join("functions").join(&name).join("src");
        let main = fs::read_to_string(folder.join("main.rs")).unwrap();
        if name != "send_mail" {
            let plain = |text: &str| text.replace([' ', '\n', ','], "");
            assert_eq!(plain(&main.replace(&name, "NAME")), plain(MAIN), "{name}");
            assert_eq!(
                rust_files(&folder).len(),
                2,
                "{name} is one endpoint in one file"
            );
        }
    }
}

const MAIN: &str = "//! The Lambda function `NAME`.

#[tokio::main(flavor = \"current_thread\")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(NAME::handler, NAME::WARM_UP).await
}
";
