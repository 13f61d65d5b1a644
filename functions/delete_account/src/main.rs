//! The Lambda function `delete_account`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run(delete_account::handler, delete_account::WARM_UP)
}
