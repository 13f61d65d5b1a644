//! The Lambda function `send_mail`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run_invoke(send_mail::WARM_UP, send_mail::consumer).await
}
