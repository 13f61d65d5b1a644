//! The Lambda function `authorize`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run_invoke(&authorize::authorizer, authorize::WARM_UP)
}
