//! Every family of docs/cases.md has its tests, in modules that bear its number. And family 44: what is linked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// Every source file in which a test may be.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = ["admin", "local", "shared"]
        .map(|name| root.join(name))
        .to_vec();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn every_family_has_its_tests_in_modules_that_bear_its_number() {
    let families: Vec<String> = read("docs/cases.md")
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let number: u8 = cells.next()?.parse().ok()?;
            Some(format!("case_{number:02}"))
        })
        .collect();
    assert_eq!(families.len(), 45);
    let mut modules: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines().map(str::trim_start).peekable();
        while let Some(line) = lines.next() {
            let Some(name) = line.strip_prefix("mod case_") else {
                continue;
            };
            let (number, _) = name.split_once('_').unwrap();
            let name = format!("case_{number}");
            assert!(families.contains(&name), "{name} in {}", file.display());
            // Up to the next module, there is a test.
            let mut has_test = false;
            while lines.peek().is_some_and(|line| !line.starts_with("mod ")) {
                let line = lines.next().unwrap();
                has_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            }
            assert!(has_test, "{name} in {} is empty", file.display());
            modules.entry(name).or_default().push(file.clone());
        }
    }
    let without: Vec<_> = families
        .iter()
        .filter(|name| !modules.contains_key(*name))
        .collect();
    assert!(without.is_empty(), "families without a test: {without:?}");
}

mod case_44_dependencies {
    use super::*;

    /// Versions of every package that is linked, by name.
    fn packages() -> BTreeMap<String, BTreeSet<String>> {
        let arguments = "tree --workspace --edges normal,build --prefix none --format {p} --locked";
        let tree = Command::new(env!("CARGO"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(tree.status.success(), "{tree:?}");
        let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in String::from_utf8(tree.stdout).unwrap().lines() {
            if let [name, version, ..] = line.split(' ').collect::<Vec<_>>()[..] {
                packages
                    .entry(name.to_owned())
                    .or_default()
                    .insert(version.to_owned());
            }
        }
        packages
    }

    #[test]
    fn there_is_one_tls_stack_and_one_back_end_for_signatures() {
        let packages = packages();
        for one in [
            "rustls",
            "aws-lc-rs",
            "hyper",
            "jsonwebtoken",
            "argon2",
            "tokio",
        ] {
            assert_eq!(packages[one].len(), 1, "{one}: {:?}", packages[one]);
        }
        for none in [
            "ring",
            "openssl",
            "openssl-sys",
            "native-tls",
            "schannel",
            "boring",
            "rsa",
            "p256",
            "p384",
            "ed25519-dalek",
        ] {
            assert!(!packages.contains_key(none), "{none} is linked");
        }
    }

    /// What cargo-deny checks is stated; that it is clean, it says itself.
    #[test]
    fn every_dependency_is_stated_once_in_the_workspace() {
        let mut files = vec![
            "shared/Cargo.toml".to_owned(),
            "local/Cargo.toml".to_owned(),
        ];
        files.push("admin/Cargo.toml".to_owned());
        let functions = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions"));
        files.extend(functions.unwrap().map(|entry| {
            format!(
                "functions/{}/Cargo.toml",
                entry.unwrap().file_name().to_str().unwrap()
            )
        }));
        for file in files {
            let text = read(&file);
            let mut in_dependencies = false;
            for line in text.lines() {
                if line.starts_with('[') {
                    in_dependencies = line.ends_with("dependencies]");
                } else if in_dependencies && line.contains('=') {
                    let is_ours = line.contains("path = \"");
                    assert!(
                        is_ours || line.contains("workspace = true"),
                        "{file}: {line}"
                    );
                }
            }
        }
    }
}
