//! The Lambda function `jwks`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::Failure> {
    shared::lambda::run(jwks::handler, jwks::OPENING).await
}
