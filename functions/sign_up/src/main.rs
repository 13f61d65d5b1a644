//! The Lambda function `sign_up`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(sign_up::handler, sign_up::WARM_UP)
}
