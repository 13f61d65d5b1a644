//! The reason why a command failed, as a sentence for the operator.

use shared::{auth::signer, store::database};

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}{}", .0.to_string().trim_end_matches('.'), hint(&.0.to_string()))]
    Database(#[from] database::Error),
    #[error(transparent)]
    Signer(#[from] signer::Error),
    #[error("{0}")]
    Message(String),
    /// The command needs another option. Nothing was done.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// `what` failed because of `error`, which is shown with its causes. Its `Debug` is not used, since that may
    /// contain items.
    pub(crate) fn new(what: &str, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let causes = causes
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        let (causes, hint) = (causes.trim_end_matches('.'), hint(&causes));
        Self::Message(format!("{what}: {causes}{hint}"))
    }

    /// The exit code for this error: 2, as clap uses it, if the command was not called correctly.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Database(_) | Self::Signer(_) | Self::Message(_) => 1,
        }
    }

    pub(crate) fn message(sentence: impl Into<String>) -> Self {
        Self::Message(sentence.into())
    }
}

/// Advice where the SDK's own message gives none.
fn hint(text: &str) -> &'static str {
    let contains = |word: &str| text.contains(word);
    if contains("ResourceNotFound") || contains("resource not found") {
        ". Name the tables with --users-table, --transient-table, --counters-table, --keys-table and --audit-table; their names are in the stack's outputs"
    } else if contains("AccessDenied") && contains("resource-based policy") {
        ". The table of signing keys admits only the functions and the role in the parameter OperatorRoleArn"
    } else if contains("AccessDenied") {
        ". These credentials lack a right that the command needs; \"Rights\" in docs/admin.md lists them"
    } else if contains("credential provider was not enabled") {
        ". The profile does not exist or contains no credentials; see: aws configure list-profiles"
    } else if contains("loading credentials") {
        ". Set --profile, or AWS_PROFILE to an existing profile"
    } else if contains("dispatch failure") {
        ". Check the region and the address: --region and --endpoint-url"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_table_is_blamed_only_for_its_own_policy() {
        let denied = "AccessDeniedException: User: arn:aws:sts::1:assumed-role/ops/me is not authorized to perform: \
                      dynamodb:Scan on resource: arn:aws:dynamodb:eu-central-1:1:table/Transient";
        let by_identity =
            format!("{denied} because no identity-based policy allows the dynamodb:Scan action");
        assert!(hint(&by_identity).contains("lack a right"));
        let by_resource = format!("{denied} with an explicit deny in a resource-based policy");
        assert!(hint(&by_resource).contains("OperatorRoleArn"));
    }
}
