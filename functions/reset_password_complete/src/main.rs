//! The Lambda function `reset_password_complete`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(
        reset_password_complete::handler,
        reset_password_complete::WARM_UP,
    )
}
