//! A function that computes one Argon2id hash with OWASP's parameters for each event, in memory that it keeps.

use std::{
    hint::black_box,
    sync::{Mutex, PoisonError},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use lambda_http::{Error, Request, service_fn};

/// The memory in KiB.
const M_COST: u32 = 19_456;
/// The passes over the memory.
const T_COST: u32 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let params = Params::new(M_COST, T_COST, 1, None).map_err(|error| error.to_string())?;
    let memory = Mutex::new(vec![Block::new(); params.block_count()]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (argon2, memory) = (&argon2, &memory);
    lambda_http::run(service_fn(async move |_: Request| {
        let mut output = [0; 32];
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        argon2
            .hash_password_into_with_memory(
                black_box(b"correct horse battery staple"),
                &[0; 16],
                &mut output,
                memory.as_mut_slice(),
            )
            .map_err(|error| error.to_string())?;
        black_box(output);
        Ok::<_, Error>("hashed")
    }))
    .await
}
