//! The Lambda function `log_in`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(log_in::handler, log_in::WARM_UP).await
}
