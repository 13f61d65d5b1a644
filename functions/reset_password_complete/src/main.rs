//! The Lambda function `reset_password_complete`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(
        reset_password_complete::handler,
        reset_password_complete::WARM_UP,
    )
    .await
}
