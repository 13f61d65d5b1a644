//! The size of a deployed function.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::DeflateEncoder};

use crate::Result;

/// The headers of a zip file with the single entry `bootstrap` (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
const HEADERS: u64 = 30 + 46 + 22 + 2 * "bootstrap".len() as u64;

/// The size of a zip file that contains `binary` as `bootstrap`, deflated at level 6 as by cargo-lambda.
pub fn zipped(binary: &Path) -> Result<u64> {
    let content = fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(&content)?;
    Ok(HEADERS + encoder.finish()?.len() as u64)
}
