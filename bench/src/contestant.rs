//! The contestants: the functions, and what they are compared with.

use serde_json::value::RawValue;

use crate::{
    Result,
    authority::Authority,
    backend::Backend,
    exchange::Script,
    lambda,
    process::Program,
    recording::{Recording, Recordings},
    setup::{self, Paths},
    size,
};

/// The baselines, in the order of the tables.
pub const BASELINES: [&str; 5] = ["hello", "getitem", "hash", "python", "node"];

/// A program that is measured.
pub struct Contestant {
    /// The name in the tables.
    pub name: String,
    /// How to start it.
    pub program: Program,
    /// The event that it receives in each call.
    pub event: Box<RawValue>,
    /// The services that it calls.
    pub backend: Backend,
    /// The exchanges with the services.
    pub script: Script,
    /// The size of its binary in a zip file; `None` for scripts, whose SDK is partly in the runtime.
    pub zipped: Option<u64>,
}

impl Contestant {
    /// True if a call computes at least one Argon2 hash.
    pub fn hashes(&self) -> bool {
        // The functions as in template.yaml, which have HashMemorySize.
        let functions = [
            "delete_account",
            "hash",
            "log_in",
            "reset_password_complete",
            "revert_email",
            "sign_up",
            "update_details",
        ];
        functions.contains(&self.name.as_str())
    }

    /// True if this is not one of the functions.
    pub fn is_baseline(&self) -> bool {
        BASELINES.contains(&self.name.as_str())
    }

    /// Creates the contestant of a function, whose services answer over TLS if `authority` is given.
    pub async fn function(
        paths: &Paths,
        name: &str,
        recording: &Recording,
        authority: Option<&Authority>,
    ) -> Result<Self> {
        let backend = Backend::replay(&recording.script, authority).await?;
        let mut program = lambda::program(paths, name, recording.environment.clone(), &backend);
        program
            .environment
            .extend(authority.into_iter().flat_map(Authority::variables));
        let zipped = size::zipped(&paths.binaries.join(name))?;
        Ok(Self {
            name: name.to_owned(),
            program,
            event: recording.event.clone(),
            backend,
            script: recording.script.clone(),
            zipped: Some(zipped),
        })
    }

    /// Creates a baseline. It reads the user that `get_user` reads.
    pub async fn baseline(
        paths: &Paths,
        name: &str,
        recordings: &Recordings,
        authority: Option<&Authority>,
    ) -> Result<Self> {
        let root = paths.root.as_path();
        let recording = recordings
            .get("get_user")
            .ok_or("get_user was not recorded")?;
        let table = recording.environment.get("USERS_TABLE");
        let table = table.ok_or("get_user has no USERS_TABLE")?;
        let read = format!("DynamoDB_20120810.GetItem {table}");
        let script = Script {
            start: Vec::new(),
            call: (recording.script.call.iter())
                .filter(|exchange| exchange.key == read && !matches!(name, "hello" | "hash"))
                .cloned()
                .collect(),
        };
        let backend = Backend::replay(&script, authority).await?;
        let mut environment = lambda::environment(name, &backend);
        environment.extend(authority.into_iter().flat_map(Authority::variables));
        environment.insert("USERS_TABLE".to_owned(), table.clone());
        let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
        let (command, folder, zipped) = match name {
            "python" => {
                let folder = root.join("bench/baselines/python");
                environment.insert("LAMBDA_TASK_ROOT".to_owned(), path(folder.clone()));
                environment.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
                let arguments = ["-m", "awslambdaric", "app.handler"].map(str::to_owned);
                let mut command = vec![path(setup::python(root))];
                command.extend(arguments);
                (command, folder, None)
            }
            "node" => {
                let search = setup::first_line(std::process::Command::new("which").arg("node"));
                (
                    vec![search, path(setup::node_bundle(root))],
                    root.to_owned(),
                    None,
                )
            }
            _ => {
                let binary = setup::baseline(root, name);
                let zipped = size::zipped(&binary)?;
                (vec![path(binary)], root.to_owned(), Some(zipped))
            }
        };
        Ok(Self {
            name: name.to_owned(),
            program: Program {
                command,
                folder,
                environment,
            },
            event: recording.event.clone(),
            backend,
            script,
            zipped,
        })
    }
}
