//! The Lambda function `update_details`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(update_details::handler, update_details::WARM_UP)
}
