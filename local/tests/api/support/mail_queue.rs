//! The mail queue: a proxy before SES and EventBridge Scheduler, items and stream records, and direct invocations of `send_mail`.

use local::Mail;
use serde_json::{Value, json, value::to_raw_value};

use super::{
    app::{TestApp, TestUser, event},
    proxy::{Call, Proxy, typed},
    tables::TRANSIENT,
};

/// Starts a [`TestApp`] with a proxy before SES and EventBridge Scheduler, and without limits per source address.
pub async fn start_with_ses() -> (TestApp, Proxy) {
    start_with_ses_and(&[]).await
}

/// The same with these settings.
pub async fn start_with_ses_and(settings: &[(&str, &str)]) -> (TestApp, Proxy) {
    let ses = Proxy::start().await;
    let url = ses.url();
    let own = [
        ("AWS_ENDPOINT_URL_SESV2", url.as_str()),
        ("AWS_ENDPOINT_URL_SCHEDULER", url.as_str()),
        ("SOURCE_LIMITS", "off"),
        // The calls that a test counts are those for the mails that it causes.
        ("CONFIRM_LINK_BASE", ""),
    ];
    let app = TestApp::with_settings(&[&own, settings].concat()).await;
    ses.forward_to(app.server.services_address());
    (app, ses)
}

/// Stops the delivery by the stream: further mails wait for [`send`].
pub fn block(app: &TestApp) {
    app.server.enable_mappings(false);
}

/// Ends what [`block`] did and receives the mails to `others`.
pub async fn unblock(app: &TestApp, others: &[&str]) {
    app.server.enable_mappings(true);
    app.server.drain().await;
    assert_eq!(recipients(&app.unread_mails()), others);
}

/// The recipient of a call of SES; empty for a call of EventBridge Scheduler.
pub fn recipient(call: &Call) -> &str {
    let recipient = &call.body["Destination"]["ToAddresses"][0];
    recipient.as_str().unwrap_or_default()
}

/// The number of calls of `operation` among `calls`.
pub fn count(calls: &[Call], operation: &str) -> usize {
    let of = |call: &&Call| call.operation == operation;
    calls.iter().filter(of).count()
}

/// The recipient of each mail.
pub fn recipients(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.to[0].as_str()).collect()
}

/// The addresses of the users.
pub fn addresses(users: &[TestUser]) -> Vec<&str> {
    users.iter().map(|user| user.email.as_str()).collect()
}

/// The key of the user's reset mail.
pub fn reset_key(user: &TestUser) -> String {
    format!("mail#reset_password#{}", user.id)
}

/// The item at `key`, which exists.
pub async fn item(app: &TestApp, key: &str) -> Value {
    app.tables().item(TRANSIENT, key).await.unwrap()
}

/// State and detail of a mail: the reason of a failure, or SES's id.
pub async fn state(app: &TestApp, key: &str) -> (String, String) {
    let item = item(app, key).await;
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("detail"))
}

/// The stream record of a write of `item`, as Lambda delivers it.
pub fn record(item: &Value, sequence_number: &str) -> Value {
    let mut record = event("send_mail")["Records"][0].take();
    let change = &mut record["dynamodb"];
    change["Keys"]["pk"]["S"] = item["pk"].clone();
    change["NewImage"] = typed(item)["M"].take();
    change["SequenceNumber"] = json!(sequence_number);
    record
}

/// Requests a reset while the stream is blocked and returns its record.
pub async fn request_blocked(app: &TestApp, user: &TestUser) -> Value {
    assert_eq!(app.request_reset(&user.email).await.status, 200);
    record(&item(app, &reset_key(user)).await, &user.username)
}

/// Users with these names, and the record of a reset that each has requested while the stream is blocked.
pub async fn request_all_blocked(app: &TestApp, names: &[&str]) -> (Vec<TestUser>, Vec<Value>) {
    let (mut users, mut records) = (Vec::new(), Vec::new());
    for name in names {
        let user = app.sign_up(name).await;
        records.push(request_blocked(app, &user).await);
        users.push(user);
    }
    (users, records)
}

/// Invokes `send_mail` with `records` and returns the sequence numbers that it reports as failed.
pub async fn send(app: &TestApp, records: &[Value]) -> Vec<String> {
    let event = to_raw_value(&json!({"Records": records})).unwrap();
    let response = app.server.invoke("send_mail", event).await.unwrap();
    let response: Value = serde_json::from_str(response.get()).unwrap();
    let failures = response["batchItemFailures"].as_array().unwrap().iter();
    failures
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}
