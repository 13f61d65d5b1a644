//! The Lambda function `jwks`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(jwks::handler, jwks::WARM_UP).await
}
