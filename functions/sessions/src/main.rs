//! The Lambda function `sessions`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(sessions::handler, sessions::WARM_UP).await
}
