//! A function that panics on every POST, for the tests of the binaries: no event makes a function of the project panic.

use shared::{
    http,
    lambda::{self, RunError, WarmUp},
};

fn main() -> Result<(), RunError> {
    lambda::run(
        |_, request| async move {
            assert_ne!(request.method().as_str(), "POST", "on purpose");
            Ok(http::no_content())
        },
        WarmUp::Users,
    )
}
