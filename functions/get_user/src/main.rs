//! The Lambda function `get_user`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::Failure> {
    shared::lambda::run(get_user::handler, get_user::OPENING).await
}
