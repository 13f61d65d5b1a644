//! The Lambda function `pages`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(pages::handler, pages::WARM_UP).await
}
