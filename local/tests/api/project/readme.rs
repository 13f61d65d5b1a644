//! The journey in docs/calling.md works when pasted into a shell, and docs/integrating.md has the examples as they are.

use std::fs;

use crate::support::{
    app::TestApp,
    repository::{read, root},
    shell::run_block,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_works_line_by_line() {
    let app = TestApp::start().await;
    // The mailbox already has a link, of another user.
    let earlier = app.sign_up("earlier").await;
    assert_eq!(app.request_reset(&earlier.email).await.status, 200);
    let (_, output) = run_block(&app, "docs/calling.md", "shopt -s expand_aliases").await;
    let statuses: Vec<_> = output
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "201", "200", "200", "200", "200", "201", "400", "401", "401", "200"
        ],
        "{output}"
    );
    assert_eq!(
        app.unread_mails().len(),
        3,
        "the earlier link, the link, and the notice of the new password"
    );
}

/// `.ci/verifiers` runs the files.
#[test]
fn integrating_has_every_verifier() {
    let document = read("docs/integrating.md");
    let mut files: Vec<_> = fs::read_dir(root().join("examples/verifiers"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("verify_"))
        .collect();
    files.push("axum/src/main.rs".to_owned());
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        let code = read(&format!("examples/verifiers/{file}"));
        assert!(document.contains(&format!("\n{code}```\n")), "{file}");
    }
}
