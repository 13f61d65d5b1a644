//! The Lambda function `confirm_email`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(confirm_email::handler, confirm_email::WARM_UP)
}
