//! The Lambda function `log_out`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::Failure> {
    shared::lambda::run(log_out::handler, log_out::OPENING).await
}
