//! SECURITY.md and docs/asvs.md are held to what is there, and so are the headers and the log that they rely on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, PASSWORD, TestApp};

/// What a requirement can be.
const STATES: [&str; 4] = ["met", "partly", "not met", "n/a"];

/// What the names of this project's files end in.
const EXTENSIONS: [&str; 8] = ["html", "lock", "md", "pem", "rs", "toml", "txt", "yaml"];

/// The requirements of levels 1 and 2 in the chapters that are gone through (ASVS 5.0.0): the section, then the numbers
/// of level 1, then those of level 2.
const REQUIREMENTS: &str = "
    1.1: ; 1 2
    1.2: 1 2 3 4 5; 6 7 8 9
    1.3: 1 2; 3 4 5 6 7 8 9 10 11
    1.4: ; 1 2 3
    1.5: 1; 2
    2.1: 1; 2 3
    2.2: 1 2; 3
    2.3: 1; 2 3 4
    2.4: ; 1
    3.2: 1 2;
    3.3: 1; 2 3 4
    3.4: 1 2; 3 4 5 6
    3.5: 1 2 3; 4 5
    3.7: ; 1 2
    4.1: 1; 2 3
    4.2: ; 1
    4.3: ; 1 2
    4.4: 1; 2 3 4
    6.1: 1; 2 3
    6.2: 1 2 3 4 5 6 7 8; 9 10 11 12
    6.3: 1 2; 3 4
    6.4: 1 2; 3 4
    6.5: ; 1 2 3 4 5
    6.6: ; 1 2 3
    6.8: ; 1 2 3 4
    7.1: ; 1 2 3
    7.2: 1 2 3 4;
    7.3: ; 1 2
    7.4: 1 2; 3 4 5
    7.5: ; 1 2
    7.6: ; 1 2
    8.1: 1; 2
    8.2: 1 2; 3
    8.3: 1;
    8.4: ; 1
    9.1: 1 2 3;
    9.2: 1; 2 3 4
    11.1: ; 1 2
    11.2: ; 1 2 3
    11.3: 1 2; 3
    11.4: 1; 2 3 4
    11.5: ; 1
    11.6: ; 1
    12.1: 1; 2 3
    12.2: 1 2;
    12.3: ; 1 2 3 4
    13.1: ; 1
    13.2: ; 1 2 3 4 5
    13.3: ; 1 2
    13.4: 1; 2 3 4 5
    14.1: ; 1 2
    14.2: 1; 2 3 4
    14.3: 1; 2 3
    15.1: 1; 2 3
    15.2: 1; 2 3
    15.3: 1; 2 3 4 5 6 7
    16.1: ; 1
    16.2: ; 1 2 3 4 5
    16.3: ; 1 2 3 4
    16.4: ; 1 2 3
    16.5: ; 1 2 3
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// A line of a table in docs/asvs.md.
struct Row {
    id: String,
    level: String,
    state: String,
    tests: Vec<String>,
    word: String,
}

impl Row {
    fn chapter(&self) -> &str {
        self.id.split('.').next().unwrap()
    }
}

/// Cells of every line of a Markdown table in `text` that has so many and is neither head nor rule.
fn cells(text: &str, count: usize) -> Vec<Vec<String>> {
    let lines = text.lines().filter_map(|line| {
        let inner = line.strip_prefix("| ")?.strip_suffix('|')?;
        let cells: Vec<_> = inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        (cells.len() == count).then_some(cells)
    });
    lines.collect()
}

fn rows() -> Vec<Row> {
    let cells = cells(&text("docs/asvs.md"), 6).into_iter();
    let rows = cells.filter(|cells| cells[0] != "Id").map(|cells| Row {
        id: cells[0].clone(),
        level: cells[1].clone(),
        state: cells[3].clone(),
        tests: in_backticks(&cells[4]),
        word: cells[5].clone(),
    });
    rows.collect()
}

/// What stands between backticks in `text`, code blocks left out.
fn in_backticks(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2);
    let pieces = outside.flat_map(|text| text.split('`').skip(1).step_by(2));
    pieces.map(str::to_owned).collect()
}

/// Names of all functions that are tests, in every crate of the workspace.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["admin", "functions", "local", "shared"] {
        collect_tests(&root().join(folder), &mut names);
    }
    names
}

fn collect_tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after_attribute = text.split("#[").skip(1);
            for piece in after_attribute.filter(|piece| is_test(piece)) {
                let (_, rest) = piece.split_once("fn ").unwrap_or_default();
                names.extend(rest.split('(').next().map(str::to_owned));
            }
        }
    }
}

fn is_test(attribute: &str) -> bool {
    attribute.starts_with("test]") || attribute.starts_with("tokio::test")
}

#[test]
fn every_requirement_of_levels_one_and_two_has_its_row() {
    let mut expected = Vec::new();
    for line in REQUIREMENTS.lines().filter(|line| !line.trim().is_empty()) {
        let (section, numbers) = line.trim().split_once(':').unwrap();
        let (first, second) = numbers.split_once(';').unwrap();
        let of = |level: &'static str, numbers: &str| {
            let numbers = numbers.split_whitespace();
            let ids = numbers.map(|number| (format!("{section}.{number}"), level.to_owned()));
            ids.collect::<Vec<_>>()
        };
        expected.extend(of("1", first));
        expected.extend(of("2", second));
    }
    let key = |id: &str| -> Vec<u32> { id.split('.').map(|part| part.parse().unwrap()).collect() };
    expected.sort_by_key(|(id, _)| key(id));
    let rows = rows();
    let of_row = |row: &Row| (row.id.clone(), row.level.clone());
    let found: Vec<_> = rows.iter().map(of_row).collect();
    assert_eq!(found, expected);
    for row in rows {
        assert!(STATES.contains(&row.state.as_str()), "{}", row.id);
        let is_shown = !row.tests.is_empty() || !row.word.is_empty();
        assert!(is_shown, "{} says nothing", row.id);
        let needs_word = row.state != "met";
        assert!(
            !needs_word || !row.word.is_empty(),
            "{} needs a word",
            row.id
        );
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let tests = tests();
    assert!(tests.contains("every_test_that_is_named_exists"));
    for row in rows() {
        for test in row.tests {
            assert!(tests.contains(&test), "{}: {test} is no test", row.id);
        }
    }
    // In running text, a name of four words or more can be nothing else.
    for document in ["SECURITY.md", "docs/asvs.md"] {
        let named = in_backticks(&text(document)).into_iter();
        let is_name = |word: &String| {
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            word.bytes().all(plain) && word.split('_').count() > 3
        };
        for name in named.filter(is_name) {
            assert!(tests.contains(&name), "{document}: {name} is no test");
        }
    }
}

#[test]
fn every_file_and_setting_that_is_named_exists() {
    let template = text("template.yaml");
    for document in ["SECURITY.md", "docs/asvs.md"] {
        let text = text(document);
        let folder = root().join(document).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.starts_with("https://") {
                assert!(folder.join(target).exists(), "{document}: {target}");
            }
        }
        for word in in_backticks(&text) {
            let extension = word.rsplit('.').next().unwrap_or_default();
            let is_path = EXTENSIONS.contains(&extension) || word.starts_with(".ci/");
            assert!(
                !is_path || root().join(&word).exists(),
                "{document}: {word}"
            );
            let setting = word.split('=').next().unwrap();
            let is_setting = setting.starts_with(|first: char| first.is_ascii_uppercase())
                && setting.chars().any(|any| any.is_ascii_lowercase())
                && setting.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_setting {
                let stated = format!("{setting}:");
                assert!(
                    template.contains(&stated),
                    "{document}: {setting} is not in the template"
                );
            }
        }
    }
}

#[test]
fn the_summary_counts_what_the_tables_say() {
    let mut counted: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for row in rows() {
        let state = STATES.iter().position(|state| *state == row.state).unwrap();
        counted.entry(row.chapter().to_owned()).or_default()[state] += 1;
        counted.entry("all".to_owned()).or_default()[state] += 1;
    }
    let summary = cells(&text("SECURITY.md"), 5).into_iter();
    let told: BTreeMap<_, _> = summary
        .filter_map(|cells| {
            let chapter = cells[0].strip_prefix('V').unwrap_or(&cells[0]);
            let chapter = chapter.split(' ').next().unwrap().replace("**", "");
            let numbers: Result<Vec<usize>, _> =
                cells[1..].iter().map(|cell| cell.parse()).collect();
            Some((chapter, <[usize; 4]>::try_from(numbers.ok()?).unwrap()))
        })
        .collect();
    assert_eq!(told, counted);
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_and_show_nothing() {
    let app = TestApp::start().await;
    let signed_up = json!({"username": "john", "email": "john@example.com", "password": PASSWORD});
    let created = app.post("/auth/signup", &signed_up).await;
    let token = created.json()["token"].as_str().unwrap().to_owned();
    let keys = app.request(Method::GET, "/.well-known/jwks.json");
    let keys = app.send(keys).await;
    let large = app.post("/auth/login", &json!("x".repeat(17_000))).await;
    let answers = [
        (200, keys),
        (201, created),
        (404, app.get("/api/users/1", &token).await),
        (204, app.log_out(&token).await),
        (401, app.log_out(&token).await),
        (400, app.post("/auth/login", &json!({})).await),
        (413, large),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status);
        let told = |answer: &Answer, name| answer.header(name).map(str::to_owned);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "strict-transport-security",
                "max-age=31536000; includeSubDomains",
            ),
            (
                "content-security-policy",
                "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox",
            ),
        ] {
            assert_eq!(
                told(&answer, name).as_deref(),
                Some(value),
                "{status}: {name}"
            );
        }
        let kind = match status {
            204 => None,
            200 | 201 => Some("application/json"),
            _ => Some("application/problem+json"),
        };
        assert_eq!(answer.header("content-type"), kind, "{status}");
        let caching = if status == 200 {
            "public, max-age=300"
        } else {
            "no-store"
        };
        assert_eq!(answer.header("cache-control"), Some(caching), "{status}");
    }
}

/// Nor anything else that a client chooses freely. The second id is the functions' own.
#[test]
fn the_gateways_log_holds_no_path_no_query_and_no_header() {
    let template = text("template.yaml");
    let format = template
        .lines()
        .find_map(|line| line.trim().strip_prefix("Format: '")?.strip_suffix('\''))
        .unwrap();
    let format: BTreeMap<String, Value> = serde_json::from_str(format).unwrap();
    let logged: BTreeSet<_> = format
        .values()
        .map(|value| value.as_str().unwrap())
        .collect();
    let expected = [
        "$context.awsEndpointRequestId",
        "$context.error.responseType",
        "$context.identity.sourceIp",
        "$context.integration.latency",
        "$context.integration.status",
        "$context.protocol",
        "$context.requestId",
        "$context.requestTime",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.routeKey",
        "$context.status",
    ];
    assert_eq!(logged, BTreeSet::from(expected));
}

/// The names that speak of secrets are known, and none is of one. Whoever adds another has to say so here.
#[test]
fn no_parameter_variable_or_output_is_a_secret() {
    let template = text("template.yaml");
    assert!(!template.contains("NoEcho") && !template.contains("{{resolve:"));
    let (_, parameters) = template.split_once("\nParameters:\n").unwrap();
    let (parameters, rest) = parameters.split_once("\nConditions:\n").unwrap();
    let (_, variables) = rest.split_once("      Variables:\n").unwrap();
    let (variables, rest) = variables.split_once("\nResources:\n").unwrap();
    let (resources, outputs) = rest.split_once("\nOutputs:\n").unwrap();
    assert!(
        !resources.contains("Environment:"),
        "only Globals has variables"
    );
    let names = [(parameters, "  "), (variables, "        "), (outputs, "  ")];
    let names = names.into_iter().flat_map(|(section, indent)| {
        let lines = section
            .lines()
            .filter_map(move |line| line.strip_prefix(indent));
        let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
        names.filter_map(|line| line.split(':').next())
    });
    let of_secrets = [
        "credential",
        "hash",
        "key",
        "password",
        "private",
        "secret",
        "token",
    ];
    let speaks_of_one = |name: &&str| {
        let name = name.to_lowercase();
        of_secrets.iter().any(|word| name.contains(word))
    };
    let found: BTreeSet<_> = names.filter(speaks_of_one).collect();
    let known = [
        // A hash of a secret that is long and random.
        "EdgeSecretHash",
        "EDGE_SECRET_HASH",
        // Names and numbers.
        "HashMemorySize",
        "HashReservedConcurrency",
        "HashThrottleBurst",
        "HashThrottleRate",
        "KEYS_TABLE",
        "KeysKmsKeyArn",
        "KeysTableName",
        "LIMIT_WRONG_PASSWORDS",
        "LimitWrongPasswords",
        "PASSWORD_MIN_LENGTH",
        "PasswordMinLength",
    ];
    assert_eq!(found, BTreeSet::from(known));
}
