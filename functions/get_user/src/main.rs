//! The Lambda function `get_user`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(get_user::handler, get_user::WARM_UP).await
}
