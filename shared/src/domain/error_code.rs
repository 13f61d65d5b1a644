//! Stable codes for the errors of invalid values.

/// An error with a stable code for programs. Its `Display` form is the message for people.
pub trait ErrorCode: std::error::Error {
    /// The code, such as `too_long`. openapi.yaml lists all of them.
    fn code(&self) -> &'static str;
}
