//! Why a command could not be carried out, as a sentence for the operator.

use shared::{auth::signer, store::database};

/// A command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{}{}", .0.to_string().trim_end_matches('.'), hint(&.0.to_string()))]
    Database(#[from] database::Error),
    #[error(transparent)]
    Signer(#[from] signer::Error),
    #[error("{0}")]
    Said(String),
}

impl Failure {
    /// `what` happened because of `error`, told with its causes. Not with its `Debug`, which may hold items.
    pub(crate) fn of(what: &str, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let causes = causes
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        let (causes, hint) = (causes.trim_end_matches('.'), hint(&causes));
        Self::Said(format!("{what}: {causes}{hint}"))
    }

    pub(crate) fn said(sentence: impl Into<String>) -> Self {
        Self::Said(sentence.into())
    }
}

/// What to look at, where the SDK's own words do not tell.
fn hint(text: &str) -> &'static str {
    let says = |word: &str| text.contains(word);
    if says("ResourceNotFound") || says("resource not found") {
        ". Name the tables with --users-table, --transient-table and --keys-table; the stack's outputs tell their names"
    } else if says("AccessDenied") {
        ". The table of signing keys answers only the functions and the role in the parameter OperatorRoleArn"
    } else if says("dispatch failure") {
        ". Are region and credentials set, and is the address right? See --region, --profile and --endpoint-url"
    } else {
        ""
    }
}
