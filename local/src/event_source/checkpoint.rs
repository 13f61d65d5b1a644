//! The sequence number up to which a mapping has delivered its stream, kept in a file so that it survives a restart.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The file of the sequence number, if the data are kept in a file as well.
#[derive(Clone)]
pub(super) struct Checkpoint(Option<PathBuf>);

impl Checkpoint {
    /// The checkpoint of this mapping beside the data file `data`; without one, it is not kept.
    pub(super) fn new(data: Option<&Path>, mapping: &str) -> Self {
        Self(data.map(|data| {
            let mut name = OsString::from(data);
            name.push(format!("-stream-{mapping}"));
            PathBuf::from(name)
        }))
    }

    /// The saved sequence number.
    pub(super) fn read(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.as_ref()?).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Saves a sequence number. If that fails, records are delivered again after a restart, which functions support.
    pub(super) fn write(&self, sequence_number: &str) {
        if let Some(file) = &self.0
            && let Err(error) = fs::write(file, sequence_number)
        {
            tracing::warn!(%error, file = %file.display(), "could not save the stream position");
        }
    }
}
