//! The Lambda function `reset_password`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(reset_password::handler, reset_password::WARM_UP)
}
