//! The Lambda function `log_out`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(log_out::handler, log_out::WARM_UP)
}
