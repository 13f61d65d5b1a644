//! The Lambda function `token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(token::handler, token::WARM_UP).await
}
