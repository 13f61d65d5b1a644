//! Names by which a caller identifies an existing account. An account may have a name that today's rules refuse, since it
//! was accepted by the rules of an earlier version.

/// A name to look up. If no account has it, the caller receives the error that the rules give, if any.
pub struct Lookup<T, E> {
    /// The name.
    pub name: T,
    /// The rule that the name breaks today.
    pub broken_rule: Option<E>,
}

impl<T, E> Lookup<T, E> {
    /// Parses a name with today's rules or, if they refuse it, with those that any name ever stored meets.
    pub(super) fn new(
        strict: Result<T, E>,
        lenient: impl FnOnce() -> Option<T>,
    ) -> Result<Self, E> {
        match strict {
            Ok(name) => Ok(Self {
                name,
                broken_rule: None,
            }),
            Err(error) => match lenient() {
                Some(name) => Ok(Self {
                    name,
                    broken_rule: Some(error),
                }),
                None => Err(error),
            },
        }
    }
}
