//! The Lambda function `get_user`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(get_user::handler, get_user::WARM_UP)
}
