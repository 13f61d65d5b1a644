//! The HTTP client of the tests.

use std::time::Duration;

/// The time after which a client drops an idle connection. The server closes one after 30 seconds; a request that is sent in
/// that moment would fail.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// A client whose connections are dropped before the server closes them.
pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().pool_idle_timeout(IDLE_TIMEOUT);
    builder.build().unwrap()
}
