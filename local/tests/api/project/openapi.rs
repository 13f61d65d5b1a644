//! openapi.yaml agrees with template.yaml, the contract and the functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;

use crate::support::{
    endpoints::READERS,
    repository::{read_yaml, root, routes, rust_files},
};

fn openapi() -> Value {
    read_yaml("openapi.yaml")
}

/// The messages of API Gateway itself.
const GATEWAYS: [&str; 5] = [
    "Not Found",
    "Request Entity Too Large",
    "Too Many Requests",
    "Internal Server Error",
    "Service Unavailable",
];

/// Collects what examples show as `detail` or `message`.
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

/// Every operation by its route, such as `GET /auth/login`.
fn operations(openapi: &Value) -> BTreeMap<String, &Value> {
    let paths = openapi["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        let operations = operations.filter(|(method, _)| *method != "parameters");
        operations.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    operations.collect()
}

/// The function that serves an operation. A function that serves two has one whose id has a suffix.
fn function(operation: &Value) -> String {
    let id = operation["operationId"].as_str().unwrap();
    let suffixes = ["_patch", "_discovery", "_resend", "_end_all", "_end"];
    let function = suffixes.iter().find_map(|suffix| id.strip_suffix(suffix));
    function.unwrap_or(id).to_owned()
}

#[test]
fn routes_are_those_of_the_template() {
    let openapi = openapi();
    let documented = operations(&openapi).into_iter();
    let documented = documented.map(|(route, operation)| (route, function(operation)));
    let mut expected = routes();
    // The pages are for people; the document describes the API, for which clients are generated.
    expected.retain(|_, function| function != "pages");
    assert_eq!(documented.collect::<BTreeMap<_, _>>(), expected);
}

/// The tests in `http/` and `validation/` send bodies to every endpoint of the list.
#[test]
fn the_list_of_readers_contains_every_request_body() {
    let openapi = openapi();
    let with_body = operations(&openapi).into_iter();
    let with_body = with_body.filter(|(_, operation)| operation.get("requestBody").is_some());
    let with_body = with_body.map(|(route, operation)| (route, function(operation)));
    let readers = READERS.iter();
    let readers = readers
        .map(|(method, path, function)| (format!("{method} {path}"), (*function).to_owned()));
    assert_eq!(
        readers.collect::<BTreeMap<_, _>>(),
        with_body.collect::<BTreeMap<_, _>>()
    );
}

#[test]
fn every_status_of_the_contract_is_documented() {
    let openapi = openapi();
    let documented_statuses = |path: &str, method: &str| {
        let responses = openapi["paths"][path][method]["responses"]
            .as_object()
            .unwrap();
        responses
            .keys()
            .map(|status| status.parse().unwrap())
            .collect::<Vec<u16>>()
    };
    let expected: [(&str, &str, &[u16]); 11] = [
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
        ("/auth/token", "post", &[200, 400, 401, 413, 429, 500, 503]),
        ("/.well-known/jwks.json", "get", &[200, 429, 500, 503]),
        (
            "/.well-known/openid-configuration",
            "get",
            &[200, 429, 500, 503],
        ),
    ];
    for (path, method, all) in expected {
        let documented: BTreeSet<_> = documented_statuses(path, method).into_iter().collect();
        let missing: Vec<_> = all
            .iter()
            .filter(|status| !documented.contains(status))
            .collect();
        assert!(missing.is_empty(), "{method} {path} lacks {missing:?}");
    }
}

/// Every text that an example shows to a person is one that the functions or API Gateway send.
#[test]
fn example_texts_are_those_of_the_functions() {
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
        assert!(
            sources.contains(&plain(text)),
            "no source contains {text:?}"
        );
    }
}
