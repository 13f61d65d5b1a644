//! The Lambda function `revert_email`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(revert_email::handler, revert_email::WARM_UP).await
}
