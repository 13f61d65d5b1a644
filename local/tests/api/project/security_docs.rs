//! SECURITY.md and docs/asvs.md name tests, files and settings that exist, and count correctly.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;

use crate::support::repository::{read, root, rust_files};

/// The states of a requirement.
const STATES: [&str; 4] = ["met", "partly", "not met", "n/a"];

/// The extensions of this project's files.
const EXTENSIONS: [&str; 8] = ["html", "lock", "md", "pem", "rs", "toml", "txt", "yaml"];

/// The requirements of levels 1 and 2 in the covered chapters of ASVS 5.0.0: the section, the numbers of level 1, and those of
/// level 2.
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
    10.3: ; 1 2 3 4
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

/// A row of a table in docs/asvs.md.
struct Row {
    id: String,
    level: String,
    state: String,
    tests: Vec<String>,
    note: String,
}

impl Row {
    fn chapter(&self) -> &str {
        self.id.split('.').next().unwrap()
    }
}

/// The cells of every row with `count` cells in the Markdown tables of `text`.
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
    let cells = cells(&read("docs/asvs.md"), 6).into_iter();
    let rows = cells.filter(|cells| cells[0] != "Id").map(|cells| Row {
        id: cells[0].clone(),
        level: cells[1].clone(),
        state: cells[3].clone(),
        tests: in_backticks(&cells[4]),
        note: cells[5].clone(),
    });
    rows.collect()
}

/// The text between backticks, except in code blocks.
fn in_backticks(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2);
    let pieces = outside.flat_map(|text| text.split('`').skip(1).step_by(2));
    pieces.map(str::to_owned).collect()
}

/// The path of every test of the workspace: folders, file and name, without the modules within a file.
fn tests() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for folder in ["admin", "functions", "local", "shared"] {
        for file in rust_files(&root().join(folder)) {
            let relative = file.strip_prefix(root()).unwrap().with_extension("");
            let module = relative.to_str().unwrap().replace('/', "::");
            let text = fs::read_to_string(&file).unwrap();
            let names = test_names(&text).map(|name| format!("{module}::{name}"));
            paths.extend(names);
        }
    }
    paths
}

/// The names of the functions that are tests.
fn test_names(text: &str) -> impl Iterator<Item = &str> {
    let after_attribute = text.split("#[").skip(1);
    let is_test = |piece: &&str| piece.starts_with("test]") || piece.starts_with("tokio::test");
    after_attribute.filter(is_test).filter_map(|piece| {
        let (_, rest) = piece.split_once("fn ")?;
        rest.split('(').next()
    })
}

/// Checks that exactly one test has a path that ends in `name`.
fn check_test(document: &str, name: &str, tests: &BTreeSet<String>) {
    let ending = format!("::{name}");
    let found: Vec<_> = tests
        .iter()
        .filter(|path| path.ends_with(&ending))
        .collect();
    assert_eq!(found.len(), 1, "{document}: {name} names {found:?}");
}

#[test]
fn every_requirement_has_a_row() {
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
        let has_evidence = !row.tests.is_empty() || !row.note.is_empty();
        assert!(has_evidence, "{} has no evidence", row.id);
        let needs_note = row.state != "met";
        assert!(
            !needs_note || !row.note.is_empty(),
            "{} needs a note",
            row.id
        );
    }
}

#[test]
fn every_named_test_exists() {
    let tests = tests();
    check_test(file!(), "security_docs::every_named_test_exists", &tests);
    for row in rows() {
        for test in row.tests {
            check_test(&row.id, &test, &tests);
        }
    }
    for document in ["SECURITY.md", "docs/asvs.md"] {
        for name in in_backticks(&read(document)) {
            if is_test_name(&name) {
                check_test(document, &name, &tests);
            }
        }
    }
}

/// `true` for a path with `::`, and for a name of at least four words: in running text, it can only be a test.
fn is_test_name(word: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:".contains(&byte);
    word.bytes().all(plain) && (word.contains("::") || word.split('_').count() > 3)
}

#[test]
fn every_named_file_and_setting_exists() {
    let template = read("template.yaml");
    for document in ["SECURITY.md", "docs/asvs.md"] {
        let text = read(document);
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
fn the_summary_counts_the_rows() {
    let mut counted: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for row in rows() {
        let state = STATES.iter().position(|state| *state == row.state).unwrap();
        counted.entry(row.chapter().to_owned()).or_default()[state] += 1;
        counted.entry("all".to_owned()).or_default()[state] += 1;
    }
    let summary = cells(&read("SECURITY.md"), 5).into_iter();
    let stated: BTreeMap<_, _> = summary
        .filter_map(|cells| {
            let chapter = cells[0].strip_prefix('V').unwrap_or(&cells[0]);
            let chapter = chapter.split(' ').next().unwrap().replace("**", "");
            let numbers: Result<Vec<usize>, _> =
                cells[1..].iter().map(|cell| cell.parse()).collect();
            Some((chapter, <[usize; 4]>::try_from(numbers.ok()?).unwrap()))
        })
        .collect();
    assert_eq!(stated, counted);
}

/// The access log has neither the path, the query nor a header, nor anything else that a client chooses.
#[test]
fn the_access_log_has_no_client_data() {
    let template = read("template.yaml");
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

/// Every name that sounds like a secret is listed here; none holds one.
#[test]
fn parameters_variables_and_outputs_hold_no_secret() {
    let template = read("template.yaml");
    assert!(!template.contains("NoEcho") && !template.contains("{{resolve:"));
    let (_, parameters) = template.split_once("\nParameters:\n").unwrap();
    let (parameters, rest) = parameters.split_once("\nConditions:\n").unwrap();
    let (_, variables) = rest.split_once("      Variables:\n").unwrap();
    let (variables, rest) = variables.split_once("\nResources:\n").unwrap();
    let (resources, outputs) = rest.split_once("\nOutputs:\n").unwrap();
    assert!(
        !resources.contains("Environment:"),
        "only Globals may have variables"
    );
    let names = [(parameters, "  "), (variables, "        "), (outputs, "  ")];
    let names = names.into_iter().flat_map(|(section, indent)| {
        let lines = section
            .lines()
            .filter_map(move |line| line.strip_prefix(indent));
        let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
        names.filter_map(|line| line.split(':').next())
    });
    let secret_words = [
        "credential",
        "hash",
        "key",
        "password",
        "private",
        "secret",
        "token",
    ];
    let sounds_secret = |name: &&str| {
        let name = name.to_lowercase();
        secret_words.iter().any(|word| name.contains(word))
    };
    let found: BTreeSet<_> = names.filter(sounds_secret).collect();
    let known = [
        // The hashes of long random secrets.
        "EdgeSecretHash",
        "EdgeSecretHashNext",
        "EDGE_SECRET_HASH",
        "EDGE_SECRET_HASH_NEXT",
        // Names and numbers.
        "ACCESS_TOKEN_ALGORITHM",
        "ACCESS_TOKEN_AUDIENCES",
        "ACCESS_TOKEN_CLAIMS",
        "ACCESS_TOKEN_SECONDS",
        "AccessTokenAlgorithm",
        "AccessTokenAudiences",
        "AccessTokenClaims",
        "AccessTokenSeconds",
        "HashMemorySize",
        "HashReservedConcurrency",
        "HashThrottleBurst",
        "HashThrottleRate",
        "KEYS_TABLE",
        "KeysKmsKeyArn",
        "KeysTableName",
        "LIMIT_PASSWORD_CHANGES_PER_DAY",
        "LIMIT_WRONG_PASSWORDS",
        "LimitPasswordChangesPerDay",
        "LimitWrongPasswords",
        "PASSWORD_MIN_LENGTH",
        "PasswordMinLength",
    ];
    assert_eq!(found, BTreeSet::from(known));
}

#[test]
fn every_grammar_names_its_test() {
    let tests = tests();
    let rows = cells(&read("docs/grammars.md"), 5);
    let rows: Vec<_> = rows.iter().filter(|row| row[4].starts_with('`')).collect();
    assert_eq!(rows.len(), 14);
    for row in rows {
        check_test("docs/grammars.md", row[4].trim_matches('`'), &tests);
    }
}
