//! The Lambda function `update_details`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(update_details::handler, update_details::WARM_UP).await
}
