//! One function as a process, which is started, frozen, thawed and ended as Lambda does.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use local::runtime_api::RuntimeApi;
use tokio::time::{sleep, timeout};

/// Far longer than anything takes, even on a busy machine.
pub const LONG: Duration = Duration::from_mins(1);

/// A process, which is killed when this value is dropped.
pub struct Process {
    pub api: Arc<RuntimeApi>,
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the binary `name` with an environment of only `environment` and the variables that Lambda adds.
    pub async fn start(name: &str, environment: &BTreeMap<String, String>) -> Self {
        let api = Arc::new(RuntimeApi::start().await.unwrap());
        let mut command = Command::new(folder().join(name));
        command.env_clear().envs(environment).envs([
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/local"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ]);
        let mut child = command
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            read(child.stdout.take().unwrap(), Arc::clone(&log)),
            read(child.stderr.take().unwrap(), Arc::clone(&log)),
        ];
        Self {
            api,
            child,
            log,
            readers,
        }
    }

    /// Waits until the process polls for events.
    pub async fn ready(&mut self) {
        let api = Arc::clone(&self.api);
        tokio::select! {
            ready = api.ready() => ready.unwrap(),
            status = self.ended() => panic!("{status}: {}", self.log()),
        }
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = timeout(LONG, async {
            loop {
                match self.child.try_wait().unwrap() {
                    Some(status) => return status,
                    None => sleep(Duration::from_millis(5)).await,
                }
            }
        });
        let status = status
            .await
            .unwrap_or_else(|_| panic!("still running: {}", self.log()));
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        self.api.ended(status);
        status
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn freeze(&self) {
        self.signal("STOP");
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    pub fn terminate(&self) {
        self.signal("TERM");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "sh", signal, &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Everything that the process has written to standard output and standard error.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.api.ended("no longer needed");
    }
}

fn read(output: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            log.lock().unwrap().push_str(&(line.unwrap() + "\n"));
        }
    })
}

/// The folder of the binaries, after building them from the current sources: `cargo test` does not build them. The example is built
/// in the same run, so that both use the dependencies and features of the tests.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // target/<profile>/deps/binaries-<hash>
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().unwrap().parent().unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--bins", "--examples"])
            .args(["--locked", "--quiet", "--profile", profile])
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success(), "the binaries cannot be built");
        folder.to_owned()
    })
}
