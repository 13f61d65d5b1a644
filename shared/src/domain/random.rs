//! The source of random bytes that is handed to whoever makes a secret or an identifier.
//! The operating system's own source is asked in `app` alone, so that tests can seed it.

use std::sync::Arc;

use crate::domain::digest::hex;

/// Gives random bytes fit for secrets. Cheap to clone; every clone draws from the same source.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

/// Overwrites all the bytes that it is given.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Random {
    /// A source that has `fill` overwrite the bytes it is given.
    ///
    /// `fill` must not come back without having filled all of them: a source that cannot give entropy must panic.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// `N` fresh random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// 128 fresh random bits as 32 lower-case hexadecimal digits: a name that nobody else has, such as a nonce.
    #[must_use]
    pub fn name(&self) -> String {
        hex(&self.bytes::<16>())
    }
}
