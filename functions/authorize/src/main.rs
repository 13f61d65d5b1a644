//! The Lambda function `authorize`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run_invoke(authorize::WARM_UP, authorize::authorizer).await
}
