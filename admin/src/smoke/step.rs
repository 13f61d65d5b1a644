//! The steps of a run, as they are reported.

/// A step and its outcome.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
}

/// The outcome of a step.
pub(crate) enum Outcome {
    Passed,
    /// Not tested, for this reason.
    Skipped(String),
    Failed(String),
}
