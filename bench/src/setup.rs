//! Builds the contestants, and sets up their tools below `target/bench`. Versions are pinned here and in
//! `bench/baselines/Cargo.lock`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// The packages of the Python contestant and of the Argon2 reference.
const PYTHON_PACKAGES: [&str; 5] = [
    "argon2-cffi==25.1.0",
    "argon2-cffi-bindings==26.2.0",
    "awslambdaric==4.2.2",
    "boto3==1.44.8",
    "botocore==1.44.8",
];

/// The packages of the Node contestant.
const NODE_PACKAGES: [&str; 2] = ["@aws-sdk/client-dynamodb@3.1169.0", "esbuild@0.28.2"];

/// The folders of a run.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The project's folder.
    pub root: PathBuf,
    /// The folder of the functions' binaries.
    pub binaries: PathBuf,
}

/// The project's folder.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// The folder of this program's own files.
pub fn folder(root: &Path) -> PathBuf {
    root.join("target/bench")
}

/// The Python interpreter with the pinned packages.
pub fn python(root: &Path) -> PathBuf {
    folder(root).join("python/bin/python")
}

/// The script of the Node contestant, with the SDK in it.
pub fn node_bundle(root: &Path) -> PathBuf {
    folder(root).join("node/bundle.js")
}

/// The binary of a baseline in Rust.
pub fn baseline(root: &Path, name: &str) -> PathBuf {
    root.join("target").join(profile(name)).join(name)
}

/// The profile of a baseline: the functions' for the lower bound, and cargo's own for what people write.
fn profile(name: &str) -> &'static str {
    if name == "hello" { "release" } else { "stock" }
}

/// The names of all functions.
pub fn functions(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in fs::read_dir(root.join("functions"))? {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds `functions`, with the features that `sam build` gives them, and those of `baselines` that are in Rust.
pub fn build(root: &Path, functions: &[String], baselines: &[&str]) -> Result<()> {
    let mut build = cargo(root);
    build.args(["build", "--release", "--locked"]);
    // Not by package: cargo-lambda builds each with the features of the whole workspace.
    for name in functions {
        build.args(["--bin", name]);
    }
    run(&mut build)?;
    // One at a time: built together, the smallest function would get the features of the other.
    for name in ["hello", "getitem", "hash"] {
        if !baselines.contains(&name) {
            continue;
        }
        let mut build = cargo(&root.join("bench/baselines"));
        build
            .args(["build", "--locked", "-p", name, "--profile", profile(name)])
            .arg("--target-dir")
            .arg(root.join("target"));
        run(&mut build)?;
    }
    Ok(())
}

/// Cargo in `folder`.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder);
    command
}

/// Installs the packages of the Python contestant.
pub fn set_up_python(root: &Path) -> Result<()> {
    let target = folder(root).join("python");
    if !is_current(&target, &PYTHON_PACKAGES)? {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&target))?;
        run(Command::new(python(root))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(PYTHON_PACKAGES))?;
        mark_current(&target, &PYTHON_PACKAGES)?;
    }
    Ok(())
}

/// Installs the packages of the Node contestant, and bundles it.
pub fn set_up_node(root: &Path) -> Result<()> {
    let target = folder(root).join("node");
    fs::create_dir_all(&target)?;
    if !is_current(&target, &NODE_PACKAGES)? {
        run(Command::new("npm")
            .args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--prefix",
            ])
            .arg(&target)
            .args(NODE_PACKAGES))?;
        mark_current(&target, &NODE_PACKAGES)?;
    }
    run(Command::new(target.join("node_modules/.bin/esbuild"))
        .arg(root.join("bench/baselines/node/index.js"))
        .args([
            "--bundle",
            "--minify",
            "--platform=node",
            "--target=node20",
            "--log-level=warning",
        ])
        .arg(format!("--outfile={}", node_bundle(root).display()))
        .env("NODE_PATH", target.join("node_modules")))
}

/// The version of the compiler.
pub fn compiler() -> String {
    first_line(Command::new(env!("CARGO").replace("cargo", "rustc")).arg("--version"))
}

/// The versions of everything that is measured, as `name version` or as the tool prints them.
pub fn versions(root: &Path) -> Vec<String> {
    let mut versions = vec![
        first_line(Command::new(env!("CARGO").replace("cargo", "rustc")).arg("--version")),
        first_line(Command::new(python(root)).arg("--version")),
    ];
    versions.extend(PYTHON_PACKAGES.map(|package| package.replace("==", " ")));
    versions.push(format!(
        "Node {}",
        first_line(Command::new("node").arg("--version"))
    ));
    versions.extend(NODE_PACKAGES.map(|package| {
        let (name, version) = package.rsplit_once('@').unwrap_or((package, ""));
        format!("{name} {version}")
    }));
    versions
}

/// The first line that a command prints; empty if it cannot be run.
pub fn first_line(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    text.lines().next().unwrap_or_default().to_owned()
}

fn is_current(target: &Path, packages: &[&str]) -> Result<bool> {
    let file = target.join("packages.txt");
    Ok(file.exists() && fs::read_to_string(file)? == packages.join("\n"))
}

fn mark_current(target: &Path, packages: &[&str]) -> Result<()> {
    Ok(fs::write(target.join("packages.txt"), packages.join("\n"))?)
}

/// Runs a command, which must succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}
