//! The responses to other modules' errors.

use super::Error;
use crate::{auth::signer, domain::password, store::database};

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        match error {
            database::Error::Unavailable { .. } => Self::unavailable(error),
            database::Error::Defect { .. } | database::Error::Unreadable { .. } => {
                Self::internal(error)
            }
        }
    }
}

impl From<signer::Error> for Error {
    fn from(error: signer::Error) -> Self {
        match error {
            signer::Error::Database(error) => error.into(),
            signer::Error::Key(_) => Self::unavailable(error),
        }
    }
}

impl From<password::HashError> for Error {
    fn from(error: password::HashError) -> Self {
        Self::internal(error)
    }
}
