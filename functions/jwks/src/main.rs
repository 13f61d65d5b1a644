//! The Lambda function `jwks`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(jwks::handler, jwks::WARM_UP)
}
