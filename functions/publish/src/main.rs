//! The Lambda function `publish`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run_invoke(publish::WARM_UP, publish::consumer).await
}
