//! The Lambda function `reset_password`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(reset_password::handler, reset_password::WARM_UP).await
}
