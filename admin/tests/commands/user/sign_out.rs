//! `user sign-out`. What it does is tested as `sessions end`.

use crate::latchkey::Latchkey;

#[tokio::test]
async fn every_session_ends() {
    let latchkey = Latchkey::start().await;
    let ann = latchkey.sign_up("ann").await;
    let output = latchkey.json(&["user", "sign-out", "ann", "--yes"]).await;
    assert_eq!(output["ended"], 1);
    assert_eq!(latchkey.read(ann.id, &ann.token).await, 401);
    let changes = latchkey.changes().await;
    assert_eq!(changes, [("end_sessions".to_owned(), Some(ann.id))]);
}
