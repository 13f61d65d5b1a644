//! The Lambda function `sessions`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(sessions::handler, sessions::WARM_UP)
}
