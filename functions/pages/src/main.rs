//! The Lambda function `pages`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(pages::handler, pages::WARM_UP)
}
