//! A function with a defect, for the tests of the real binaries: none of ours has one that an event is known to bring out.

use shared::{
    http,
    lambda::{self, RunError, WarmUp},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), RunError> {
    let opening = WarmUp::Users;
    lambda::run(
        |_, request| async move {
            assert_ne!(request.method().as_str(), "POST", "on purpose");
            Ok(http::no_content())
        },
        opening,
    )
    .await
}
