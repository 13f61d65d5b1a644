//! The user that a run creates.

use shared::domain::{random::Random, username::Username};

use crate::error::Error;

/// A new user with random names and passwords, which are never printed.
pub(crate) struct TestUser {
    pub(crate) username: String,
    /// At SES's mailbox simulator, which accepts every mail.
    pub(super) email: String,
    pub(super) password: String,
    pub(crate) account: AccountState,
}

/// The state of the account, as far as the run knows.
#[derive(Clone, Copy)]
pub(crate) enum AccountState {
    /// No conclusive response: the user may have been created.
    Unknown,
    /// The API rejected the sign-up.
    Rejected,
    /// The API created the user with this id.
    Created(u64),
    /// The API deleted the user.
    Deleted,
}

impl TestUser {
    pub(crate) fn new(random: &Random) -> Self {
        let name: String = random.name().chars().take(20).collect();
        Self {
            username: format!("smoke-{name}"),
            email: format!("success+{name}@simulator.amazonses.com"),
            password: random.name(),
            account: AccountState::Unknown,
        }
    }

    pub(crate) fn parsed_username(&self) -> Result<Username, Error> {
        Username::parse(&self.username).map_err(|error| Error::new("invalid username", &error))
    }

    pub(super) fn id(&self) -> u64 {
        match self.account {
            AccountState::Created(id) => id,
            AccountState::Unknown | AccountState::Rejected | AccountState::Deleted => 0,
        }
    }

    pub(super) fn own_record(&self) -> String {
        format!("GET /api/users/{}", self.id())
    }
}
