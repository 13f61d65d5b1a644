//! The Lambda function `publish`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run_invoke(&publish::consumer, publish::WARM_UP)
}
