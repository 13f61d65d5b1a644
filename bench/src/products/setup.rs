//! Installs the products below `target/bench/products`. Versions are pinned in `bench/products`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Result,
    setup::{cargo, compiler, first_line, folder, run},
};

use super::product::{Api, Database, Listen, Product, SECRET};

/// Builds the development server, and returns its binary.
pub fn build_local(root: &Path) -> Result<PathBuf> {
    let mut build = cargo(root);
    // Together with this program: by itself it would have fewer features of what both depend on, and all of that be built again.
    build.args(["build", "--release", "--locked"]);
    build.args(["-p", "bench", "-p", "local"]);
    run(&mut build)?;
    Ok(root.join("target/release/local"))
}

/// Installs what is not there yet, and returns the products with this project's `local` binary.
pub fn install(root: &Path, local: &Path) -> Result<Vec<Product>> {
    Ok(vec![
        latchkey(root, "Latchkey, in memory", "latchkey", local, None)?,
        latchkey(
            root,
            "Latchkey, in a file",
            "latchkey_file",
            local,
            Some(Database {
                template: None,
                option: Some("--data"),
            }),
        )?,
        djoser(root)?,
        fastapi_users(root)?,
        better_auth(root)?,
    ])
}

/// The versions of what is measured.
pub fn versions(root: &Path) -> Result<Vec<String>> {
    const NAMED: [&str; 9] = [
        "argon2-cffi",
        "Django",
        "djangorestframework",
        "djoser",
        "fastapi",
        "fastapi-users",
        "gunicorn",
        "SQLAlchemy",
        "uvicorn",
    ];
    let sources = root.join("bench/products");
    let interpreter = python(&target(root, "djoser"));
    let mut versions = vec![
        compiler(),
        first_line(Command::new(&interpreter).arg("--version")),
        first_line(Command::new(&interpreter).args([
            "-c",
            "import sqlite3; print('SQLite', sqlite3.sqlite_version, 'of Python')",
        ])),
    ];
    let mut packages = Vec::new();
    for product in ["djoser", "fastapi_users"] {
        let file = sources.join(product).join("requirements.txt");
        for line in fs::read_to_string(file)?.lines() {
            if NAMED
                .iter()
                .any(|name| line.split("==").next() == Some(name))
            {
                packages.push(line.replace("==", " "));
            }
        }
    }
    packages.sort();
    packages.dedup();
    versions.extend(packages);
    let node = node(&target(root, "better_auth"));
    versions.push(first_line(Command::new(&node).args([
        "-p",
        "`Node ${process.versions.node}, SQLite ${process.versions.sqlite} of Node`",
    ])));
    let file = fs::read_to_string(sources.join("better_auth/package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&file)?;
    for (name, version) in package["dependencies"].as_object().into_iter().flatten() {
        if name != "node" {
            versions.push(format!("{name} {}", version.as_str().unwrap_or_default()));
        }
    }
    Ok(versions)
}

/// The development server, which keeps its files in `folder`.
pub fn latchkey(
    root: &Path,
    name: &'static str,
    folder: &str,
    local: &Path,
    database: Option<Database>,
) -> Result<Product> {
    let folder = target(root, folder);
    fs::create_dir_all(&folder)?;
    let words = ["--dynamodb-port", "0", "--no-source-limits", "--template"];
    let mut command = vec![local.display().to_string()];
    command.extend(words.map(str::to_owned));
    command.push(root.join("template.yaml").display().to_string());
    Ok(Product {
        name,
        api: Api::Latchkey,
        folder,
        command,
        listen: Listen::Port("--port"),
        database,
    })
}

fn djoser(root: &Path) -> Result<Product> {
    let folder = install_python(root, "djoser")?;
    let template = new_template(&folder)?;
    let mut migrate = Command::new(python(&folder));
    migrate
        .args(["-m", "django", "migrate", "--verbosity", "0"])
        .env("PYTHONPATH", &folder)
        .env("DJANGO_SETTINGS_MODULE", "settings");
    prepare(&mut migrate, &folder, &template)?;
    // Two workers for each core and one more, as gunicorn's documentation recommends. The default class of workers closes
    // each connection after its response; this one keeps it.
    let words =
        "--workers 3 --worker-class gthread --threads 2 --no-control-socket wsgi:application";
    Ok(Product {
        name: "djoser",
        api: Api::Djoser,
        command: command(&folder.join("venv/bin/gunicorn"), words),
        folder,
        listen: Listen::Address("--bind"),
        database: Some(Database {
            template: Some(template),
            option: None,
        }),
    })
}

fn fastapi_users(root: &Path) -> Result<Product> {
    let folder = install_python(root, "fastapi_users")?;
    let template = new_template(&folder)?;
    prepare(
        Command::new(python(&folder)).arg("app.py"),
        &folder,
        &template,
    )?;
    Ok(Product {
        name: "fastapi-users",
        api: Api::FastapiUsers,
        command: command(&folder.join("venv/bin/uvicorn"), "app:app"),
        folder,
        listen: Listen::Port("--port"),
        database: Some(Database {
            template: Some(template),
            option: None,
        }),
    })
}

fn better_auth(root: &Path) -> Result<Product> {
    let folder = copy_sources(root, "better_auth")?;
    if !is_current(&folder, "package-lock.json")? {
        let mut install = Command::new("npm");
        install
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder);
        run(&mut install)?;
        mark_current(&folder, "package-lock.json")?;
    }
    let template = new_template(&folder)?;
    let mut migrate = Command::new(node(&folder));
    prepare(
        migrate.arg("migrate.mjs").env("PORT", "0"),
        &folder,
        &template,
    )?;
    Ok(Product {
        name: "better-auth",
        api: Api::BetterAuth,
        command: command(&node(&folder), "server.mjs"),
        folder,
        listen: Listen::Environment,
        database: Some(Database {
            template: Some(template),
            option: None,
        }),
    })
}

fn command(program: &Path, words: &str) -> Vec<String> {
    let words = words.split_whitespace().map(str::to_owned);
    [program.display().to_string()]
        .into_iter()
        .chain(words)
        .collect()
}

/// Creates an empty database with the tables of a product.
fn prepare(command: &mut Command, folder: &Path, template: &Path) -> Result<()> {
    run(command
        .current_dir(folder)
        .env("DATABASE", template)
        .env("SECRET", SECRET))
}

/// The file of the empty database, which does not exist yet.
fn new_template(folder: &Path) -> Result<PathBuf> {
    let parent = folder.join("template");
    if parent.exists() {
        fs::remove_dir_all(&parent)?;
    }
    fs::create_dir_all(&parent)?;
    Ok(parent.join("database"))
}

fn install_python(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = copy_sources(root, name)?;
    if !is_current(&folder, "requirements.txt")? {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder.join("venv")))?;
        run(Command::new(python(&folder))
            .args("-m pip install --quiet --disable-pip-version-check --no-deps -r".split(' '))
            .arg(folder.join("requirements.txt")))?;
        mark_current(&folder, "requirements.txt")?;
    }
    Ok(folder)
}

/// Copies the files of an application, so that nothing is written beside the sources.
fn copy_sources(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = target(root, name);
    fs::create_dir_all(&folder)?;
    for file in fs::read_dir(root.join("bench/products").join(name))? {
        let file = file?;
        if file.file_type()?.is_file() {
            fs::copy(file.path(), folder.join(file.file_name()))?;
        }
    }
    Ok(folder)
}

/// True if the packages that this file names are installed.
fn is_current(folder: &Path, file: &str) -> Result<bool> {
    let installed = folder.join("installed");
    Ok(installed.exists() && fs::read(installed)? == fs::read(folder.join(file))?)
}

fn mark_current(folder: &Path, file: &str) -> Result<()> {
    fs::copy(folder.join(file), folder.join("installed"))?;
    Ok(())
}

fn target(root: &Path, name: &str) -> PathBuf {
    folder(root).join("products").join(name)
}

fn python(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

fn node(folder: &Path) -> PathBuf {
    folder.join("node_modules/node/bin/node")
}
