//! The Lambda function `log_in`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(log_in::handler, log_in::WARM_UP)
}
