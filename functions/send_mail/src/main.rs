//! The Lambda function `send_mail`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::Failure> {
    shared::lambda::run_invoke(send_mail::OPENING, send_mail::consumer).await
}
