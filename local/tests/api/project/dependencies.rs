//! Linked packages, and where dependencies are stated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use crate::support::repository::read;

/// The versions of every linked package.
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

mod case_44_dependencies {
    use super::*;

    #[test]
    fn one_tls_stack_and_one_signature_library() {
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

    /// cargo-deny checks licences, sources and bans; this checks the manifests.
    #[test]
    fn dependencies_are_stated_once_in_the_workspace() {
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
