//! The Lambda function `revert_email`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(revert_email::handler, revert_email::WARM_UP)
}
