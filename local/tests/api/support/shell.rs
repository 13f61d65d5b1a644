//! Shell blocks of documents.

use std::process::Stdio;

use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{app::TestApp, repository::read};

/// Runs the block of `document` that begins with the API's address, with the address of `app` and after `first`. Returns the block,
/// without the address, and what it printed.
pub async fn run_block(app: &TestApp, document: &str, first: &str) -> (String, String) {
    let document = read(document);
    let (_, block) = document
        .split_once("```sh\nAPI=http://127.0.0.1:3000\n")
        .unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let script = format!("{first}\nAPI={}\n{block}", app.url(""));
    let mut shell = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(script.as_bytes()).await.unwrap();
    drop(input);
    let output = shell.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    (block.to_owned(), String::from_utf8(output.stdout).unwrap())
}
