//! The source of random bytes that is passed to code that creates secrets and identifiers.
//! Only `app` reads the operating system's source, so that tests can seed it.

use std::sync::Arc;

use crate::domain::digest::hex;

/// A cryptographically secure source of random bytes. Cheap to clone; all clones share the source.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

/// A function that overwrites the whole slice with random bytes.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Random {
    /// A source that calls `fill` to overwrite a slice with random bytes.
    ///
    /// `fill` must overwrite the whole slice before it returns; if it has no entropy, it must panic.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Returns `N` fresh random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// Returns a unique name, such as a nonce: 128 fresh random bits as 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn name(&self) -> String {
        hex(&self.bytes::<16>())
    }
}
