//! The Lambda function `sign_up`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(sign_up::handler, sign_up::WARM_UP).await
}
