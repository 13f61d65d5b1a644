//! The Lambda function `send_mail`.

fn main() -> Result<(), shared::lambda::RunError> {
    shared::lambda::run_invoke(&send_mail::consumer, send_mail::WARM_UP)
}
