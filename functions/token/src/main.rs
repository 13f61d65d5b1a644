//! The Lambda function `token`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(token::handler, token::WARM_UP)
}
