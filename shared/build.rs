//! Compiles `data/common_passwords.txt` into the sorted, compressed set that the password policy searches.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo passes the output directory in an environment variable"
)]

use std::{env, error::Error, fs, path::Path};

const LIST: &str = "data/common_passwords.txt";
/// Minimum number of passwords; a shorter list has probably been truncated.
const MIN_PASSWORDS: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={LIST}");
    let text = fs::read_to_string(LIST)?;
    let mut passwords: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    passwords.sort_unstable();
    passwords.dedup();
    if passwords.len() < MIN_PASSWORDS {
        return Err(format!(
            "{LIST} has {} passwords, fewer than {MIN_PASSWORDS}",
            passwords.len()
        )
        .into());
    }
    let set = fst::Set::from_iter(passwords)?;
    let directory = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(
        Path::new(&directory).join("common_passwords.fst"),
        set.as_fst().as_bytes(),
    )?;
    Ok(())
}
