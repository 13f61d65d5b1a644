//! The Lambda function `update_details`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::Failure> {
    shared::lambda::run(update_details::handler, update_details::OPENING).await
}
