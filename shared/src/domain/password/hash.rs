//! Hashing and checking passwords with Argon2id, in memory that is allocated once and reused.
//! It holds the calling thread for as long as it takes, and draws no random salt itself.

use std::{
    hint::black_box,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use argon2::{Argon2, Block};
use zeroize::Zeroizing;

use super::{
    NewPassword, Password,
    phc::{self, HashError, Params, Phc},
};

/// Bytes of a derived key (RFC 9106, 4).
const OUTPUT_BYTES: usize = 32;
/// Bytes of a salt (RFC 9106, 4).
const SALT_BYTES: usize = 16;

/// A password hash as it is stored: a PHC string. No `Debug`, so that it is not logged.
#[derive(Clone)]
pub struct Hash(String);

/// Hashes and verifies passwords, one at a time. Clones share their memory and their count.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    params: Params,
    memory: Mutex<Vec<Block>>,
    runs: AtomicU64,
}

impl Hash {
    /// Takes what the table holds as it is; whether it makes sense shows when it is verified against.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Hasher {
    /// Makes a hasher. Its memory, `m_cost` KiB, is allocated at the first run and then kept.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self(Arc::new(Inner {
            params,
            memory: Mutex::new(Vec::new()),
            runs: AtomicU64::new(0),
        }))
    }

    /// Hashes a new password. The salt must be random, and new for each hash.
    ///
    /// # Errors
    /// [`HashError::Params`] if the parameters in use could not be verified with, [`HashError::Argon2`].
    pub fn hash(&self, password: &NewPassword, salt: [u8; SALT_BYTES]) -> Result<Hash, HashError> {
        self.rehash(password.as_password(), salt)
    }

    /// Hashes an existing password that was just verified, to replace a hash that [`needs_rehash`](Self::needs_rehash).
    ///
    /// # Errors
    /// As [`hash`](Self::hash).
    pub fn rehash(&self, attempt: &Password, salt: [u8; SALT_BYTES]) -> Result<Hash, HashError> {
        let params = self.0.params;
        let output = self.derive(attempt, &salt, params, OUTPUT_BYTES)?;
        Ok(Hash(phc::format(params, &salt, &output)))
    }

    /// Whether the attempt is the password that was hashed. The comparison takes the same time wherever the two differ.
    ///
    /// # Errors
    /// [`HashError::Unreadable`], before any memory is allocated, if the hash is broken, of another
    /// kind, or above 64 MiB, 10 passes or 4 lanes; [`HashError::Argon2`].
    pub fn verify(&self, attempt: &Password, hash: &Hash) -> Result<bool, HashError> {
        let stored = Phc::parse(hash.as_str())?;
        let output = self.derive(attempt, &stored.salt, stored.params, stored.output.len())?;
        Ok(are_equal(&output, &stored.output))
    }

    /// Takes as long as a verification with the parameters in use, for a user that does not exist.
    pub fn verify_dummy(&self, attempt: &Password) {
        let output = self.derive(attempt, &[0; SALT_BYTES], self.0.params, OUTPUT_BYTES);
        black_box(output.is_ok_and(|output| are_equal(&output, &[0; OUTPUT_BYTES])));
    }

    /// Whether the hash has less memory, fewer passes, or a shorter salt or output than a new one would have.
    ///
    /// Lanes do not count: they spread the work and do not add to it. A hash that cannot be read needs it too.
    #[must_use]
    pub fn needs_rehash(&self, hash: &Hash) -> bool {
        let wanted = self.0.params;
        Phc::parse(hash.as_str()).map_or(true, |stored| {
            stored.params.m_cost < wanted.m_cost
                || stored.params.t_cost < wanted.t_cost
                || stored.salt.len() < SALT_BYTES
                || stored.output.len() < OUTPUT_BYTES
        })
    }

    /// How many times this hasher and its clones have run Argon2.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    fn derive(
        &self,
        attempt: &Password,
        salt: &[u8],
        params: Params,
        output_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, HashError> {
        if !params.are_bearable() {
            return Err(HashError::Params);
        }
        let context = params.context(output_bytes)?;
        // A poisoned lock is no harm: each run fills the memory anew.
        let mut memory = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.is_empty() && self.0.params.are_bearable() {
            *memory = blocks(self.0.params.m_cost);
        }
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        match memory.get_mut(..context.params().block_count()) {
            Some(enough) => run(&context, attempt, salt, output_bytes, enough),
            None => run(
                &context,
                attempt,
                salt,
                output_bytes,
                &mut blocks(params.m_cost),
            ),
        }
    }
}

/// Memory for a run, one block for each KiB.
fn blocks(m_cost: u32) -> Vec<Block> {
    vec![Block::new(); usize::try_from(m_cost).unwrap_or_default()]
}

fn run(
    context: &Argon2<'_>,
    attempt: &Password,
    salt: &[u8],
    output_bytes: usize,
    memory: &mut [Block],
) -> Result<Zeroizing<Vec<u8>>, HashError> {
    let mut output = Zeroizing::new(vec![0; output_bytes]);
    let result =
        context.hash_password_into_with_memory(attempt.as_bytes(), salt, &mut output, &mut *memory);
    // What a run leaves behind would let its reader test guesses for less than a run.
    memory.fill(Block::new());
    black_box(memory);
    result.map(|()| output).map_err(HashError::Argon2)
}

fn are_equal(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (one, other)| {
        difference | black_box(one ^ other)
    });
    one.len() == other.len() && difference == 0
}

#[cfg(test)]
mod tests;
