//! Password hashing and verification with Argon2id, in memory that is allocated once and reused.
//! Blocks the calling thread. The caller provides the random salt.

use std::{
    hint::black_box,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use argon2::{Argon2, Block};
use ctutils::CtEq as _;
use zeroize::Zeroizing;

use super::{
    NewPassword, Password,
    phc::{self, HashError, Params, Phc},
};

/// Length of a derived key in bytes (RFC 9106, 4).
const OUTPUT_BYTES: usize = 32;
/// Length of a salt in bytes (RFC 9106, 4).
const SALT_BYTES: usize = 16;

/// A password hash as stored: a PHC string. No `Debug`, so that it is not logged.
#[derive(Clone)]
pub struct Hash(String);

/// Hashes and verifies passwords, one at a time. Clones share their memory and their count of runs.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    params: Params,
    memory: Mutex<Vec<Block>>,
    runs: AtomicU64,
}

impl Hash {
    /// Wraps a stored text without parsing it; [`Hasher::verify`] reports a malformed one.
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
    /// Creates a hasher. Its memory, `m_cost` KiB, is allocated by the first run and then kept.
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
    /// [`HashError::Params`] if the parameters are outside the bounds of [`verify`](Self::verify);
    /// [`HashError::Argon2`].
    pub fn hash(&self, password: &NewPassword, salt: [u8; SALT_BYTES]) -> Result<Hash, HashError> {
        self.rehash(password.as_password(), salt)
    }

    /// Hashes an existing password that was just verified, to replace a hash that [`needs_rehash`](Self::needs_rehash).
    ///
    /// # Errors
    /// The errors of [`hash`](Self::hash).
    pub fn rehash(&self, password: &Password, salt: [u8; SALT_BYTES]) -> Result<Hash, HashError> {
        let params = self.0.params;
        let output = self.derive(password, &salt, params, OUTPUT_BYTES)?;
        Ok(Hash(phc::format(params, &salt, &output)))
    }

    /// Returns true if `password` is the one that was hashed. Compares in constant time.
    ///
    /// # Errors
    /// [`HashError::Unreadable`], before any memory is allocated, if the hash is malformed, not Argon2id, or above 64
    /// MiB, 10 passes or 4 lanes; [`HashError::Argon2`].
    pub fn verify(&self, password: &Password, hash: &Hash) -> Result<bool, HashError> {
        let stored = Phc::parse(hash.as_str())?;
        let output = self.derive(password, &stored.salt, stored.params, stored.output.len())?;
        Ok(output.as_slice().ct_eq(stored.output.as_slice()).to_bool())
    }

    /// Takes as long as a verification with the current parameters, for a user that does not exist.
    pub fn verify_dummy(&self, password: &Password) {
        let output = self.derive(password, &[0; SALT_BYTES], self.0.params, OUTPUT_BYTES);
        black_box(output.is_ok_and(|output| output.as_slice().ct_eq(&[0; OUTPUT_BYTES]).to_bool()));
    }

    /// Returns true if the hash is malformed, or has less memory, fewer passes, or a shorter salt or output than a new
    /// hash would have.
    ///
    /// Lanes are ignored: they distribute the work and do not add to it.
    #[must_use]
    pub fn needs_rehash(&self, hash: &Hash) -> bool {
        let current = self.0.params;
        Phc::parse(hash.as_str()).map_or(true, |stored| {
            stored.params.m_cost < current.m_cost
                || stored.params.t_cost < current.t_cost
                || stored.salt.len() < SALT_BYTES
                || stored.output.len() < OUTPUT_BYTES
        })
    }

    /// The number of times that this hasher and its clones have run Argon2.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }

    fn derive(
        &self,
        password: &Password,
        salt: &[u8],
        params: Params,
        output_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, HashError> {
        if !params.are_within_bounds() {
            return Err(HashError::Params);
        }
        let context = params.context(output_bytes)?;
        // A poisoned lock is harmless: each run overwrites the memory.
        let mut memory = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.is_empty() && self.0.params.are_within_bounds() {
            *memory = allocate(self.0.params.m_cost);
        }
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        match memory.get_mut(..context.params().block_count()) {
            Some(blocks) => run(&context, password, salt, output_bytes, blocks),
            None => run(
                &context,
                password,
                salt,
                output_bytes,
                &mut allocate(params.m_cost),
            ),
        }
    }
}

/// Allocates the memory of a run: one block for each KiB.
fn allocate(m_cost: u32) -> Vec<Block> {
    vec![Block::new(); usize::try_from(m_cost).unwrap_or_default()]
}

fn run(
    context: &Argon2<'_>,
    password: &Password,
    salt: &[u8],
    output_bytes: usize,
    memory: &mut [Block],
) -> Result<Zeroizing<Vec<u8>>, HashError> {
    let mut output = Zeroizing::new(vec![0; output_bytes]);
    let result = context.hash_password_into_with_memory(
        password.as_bytes(),
        salt,
        &mut output,
        &mut *memory,
    );
    // The contents of the memory would let an attacker test guesses without the full cost of a run.
    memory.fill(Block::new());
    black_box(memory);
    result.map(|()| output).map_err(HashError::Argon2)
}

#[cfg(test)]
mod tests;
