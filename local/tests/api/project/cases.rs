//! docs/cases.md lists the families of cases. Each has tests, in modules that are named by its number and name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::support::repository::{read, root, rust_files};

/// The module name of every family: `case_`, its number and its name.
fn families() -> Vec<String> {
    let cases = read("docs/cases.md");
    let families = cases.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let number: u8 = cells.next()?.parse().ok()?;
        Some(format!("case_{number:02}_{}", cells.next()?))
    });
    families.collect()
}

/// The names of the case modules in `text`, with `true` for those that contain a test.
fn modules(text: &str) -> Vec<(String, bool)> {
    let mut modules: Vec<(String, bool)> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(name) = line.strip_prefix("mod ") {
            let name = name.trim_end_matches([' ', '{', ';']);
            modules.push((name.to_owned(), false));
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            modules
                .iter_mut()
                .rev()
                .take(1)
                .for_each(|last| last.1 = true);
        }
    }
    modules.retain(|(name, _)| name.starts_with("case_"));
    modules
}

#[test]
fn every_family_has_tests_in_modules_of_its_name() {
    let families = families();
    assert_eq!(families.len(), 67);
    assert_eq!(families.iter().collect::<BTreeSet<_>>().len(), 67);
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for folder in ["admin", "functions", "local", "shared"] {
        for file in rust_files(&root().join(folder)) {
            for (name, has_test) in modules(&fs::read_to_string(&file).unwrap()) {
                let file = file.display();
                assert!(
                    families.contains(&name),
                    "{name} in {file} is not in the table"
                );
                assert!(has_test, "{name} in {file} has no test");
                *files.entry(name).or_default() += 1;
            }
        }
    }
    let missing: Vec<_> = families
        .iter()
        .filter(|name| !files.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "families without a test: {missing:?}");
}
