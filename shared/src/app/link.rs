//! Changes that a mailed link authorizes, repeated when concurrent requests change the record first.

use crate::http::Error;

/// Maximum attempts when another request changes the record first. A thief in the account must not keep its owner out.
const MAX_ATTEMPTS: u32 = 5;

/// The attempts of one request that were lost, since another request changed the record first.
#[derive(Default)]
pub struct LostRaces(u32);

impl LostRaces {
    /// Counts one more attempt that was lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it was the last one.
    pub fn count(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 == MAX_ATTEMPTS {
            return Err(Error::unavailable("the user record kept changing"));
        }
        Ok(())
    }
}
