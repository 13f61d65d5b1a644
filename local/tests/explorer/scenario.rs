//! The states that runs start from. Each is built by requests, and names the operations that meet in it.

use crate::{prepare, world::World};

/// The time at which the preparation of a state begins: 2026-01-31T12:00:00Z.
pub const BEGINNING: u64 = 1_769_860_800;

/// What the operations need to know of the state that they start from.
#[derive(Clone, Default)]
pub struct Start {
    /// The id of the user that most operations are about.
    pub alice: u64,
    /// The address of that user.
    pub email: &'static str,
    /// The token of the session that makes most requests.
    pub caller: String,
    /// The token of another session.
    pub other: String,
    /// The id of that session.
    pub other_session: String,
    /// The token of another user.
    pub bob_caller: String,
    /// The secrets of the newest links.
    pub reset: String,
    pub confirm: String,
    pub revert: String,
    /// Key and nonce of every mail that is queued.
    pub queued: Vec<(String, String)>,
}

/// A state with the operations that meet in it.
pub struct Scenario {
    pub name: &'static str,
    pub settings: &'static [(&'static str, &'static str)],
    pub operations: &'static [&'static str],
    /// True if no process has read the keys when a run begins.
    pub is_cold: bool,
    pub prepare: fn(&World) -> Start,
}

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    // Every kind of link is outstanding.
    Scenario {
        name: "links",
        settings: &[],
        operations: &[
            "authorize",
            "bob_takes_former",
            "bob_takes_new",
            "complete",
            "complete_other",
            "complete_wrong",
            "confirm",
            "delete",
            "delete_by_operator",
            "disable",
            "end_all_sessions",
            "end_other_session",
            "get_user",
            "list_sessions",
            "log_in",
            "log_in_new",
            "log_in_wrong",
            "log_out",
            "log_out_other",
            "request_reset",
            "resend",
            "revert",
            "set_email",
            "set_superuser",
            "sign_out",
            "sign_up",
            "token",
            "update_email",
            "update_email_back",
            "update_name",
            "update_nothing",
            "update_new",
            "update_other_name",
            "update_password",
            "update_wrong",
        ],
        is_cold: false,
        prepare: prepare::links,
    },
    // One more wrong password locks the account.
    Scenario {
        name: "locked",
        settings: &[],
        operations: &[
            "clear_limits",
            "complete",
            "delete",
            "delete_wrong",
            "disable",
            "log_in",
            "log_in_by_email",
            "log_in_wrong",
            "log_in_new",
            "update_name",
            "update_nothing",
            "update_password",
            "update_wrong",
        ],
        is_cold: false,
        prepare: prepare::almost_locked,
    },
    // A log-in needs a verified address, one more wrong password locks the account, and no mail is outstanding.
    Scenario {
        name: "unverified",
        settings: &[("REQUIRE_VERIFIED_EMAIL", "true")],
        operations: &[
            "clear_limits",
            "confirm",
            "delete",
            "disable",
            "log_in",
            "log_in_wrong",
            "request_reset",
            "resend",
            "set_email",
            "update_email",
            "update_password",
        ],
        is_cold: false,
        prepare: prepare::unverified,
    },
    // Every session that a user can have.
    Scenario {
        name: "full",
        settings: &[],
        operations: &[
            "complete",
            "end_all_sessions",
            "end_other_session",
            "log_in",
            "log_in_by_email",
            "log_out",
            "log_out_other",
            "sign_out",
            "update_password",
        ],
        is_cold: false,
        prepare: prepare::full,
    },
    // One session less than a user can have.
    Scenario {
        name: "almost full",
        settings: &[],
        operations: &["log_in", "log_in_by_email", "sign_out"],
        is_cold: false,
        prepare: prepare::almost_full,
    },
    // Another address takes effect once it is confirmed, and one is pending.
    Scenario {
        name: "pending",
        settings: &[("CONFIRM_EMAIL_CHANGE", "true")],
        operations: &[
            "bob_takes_new",
            "complete",
            "confirm",
            "delete",
            "delete_by_operator",
            "disable",
            "log_in",
            "resend",
            "set_email",
            "sign_up",
            "update_email",
            "update_email_back",
            "update_name",
            "update_password",
            "withdraw_email",
        ],
        is_cold: false,
        prepare: prepare::pending,
    },
    // Mails of every kind are queued.
    Scenario {
        name: "mails",
        settings: &[],
        operations: &[
            "complete",
            "confirm",
            "delete",
            "disable",
            "request_reset",
            "resend",
            "revert",
            "send_confirmation",
            "send_notice",
            "send_reset",
            "set_email",
            "update_email",
            "update_password",
        ],
        is_cold: false,
        prepare: prepare::mails,
    },
    // The account is disabled.
    Scenario {
        name: "disabled",
        settings: &[],
        operations: &[
            "add_role",
            "complete",
            "confirm",
            "delete_by_operator",
            "disable",
            "enable",
            "log_in",
            "remove_role",
            "request_reset",
            "revert",
            "set_email",
            "sign_up",
            "sign_up_same_name",
        ],
        is_cold: false,
        prepare: prepare::disabled,
    },
    // Two accounts want one address or username.
    Scenario {
        name: "names",
        settings: &[],
        operations: &[
            "bob_takes_former",
            "bob_takes_new",
            "delete",
            "set_email",
            "sign_up",
            "sign_up_former",
            "sign_up_same_name",
            "update_email",
            "update_email_back",
        ],
        is_cold: false,
        prepare: prepare::expired,
    },
    // One more request of each kind reaches the limit of its source address. Not here: a log-in with the right password. It counts for the
    // source until the password is known to be right, so that no more guesses are verified at once than one after another. A wrong one in
    // between is told to wait, which no order of whole requests explains: a count that is taken back is meant to be seen by others.
    Scenario {
        name: "limits",
        settings: &[
            ("SOURCE_LIMITS", "on"),
            ("LIMIT_COMPLETIONS_PER_HOUR", "1"),
            ("LIMIT_MAILS_PER_DAY", "2"),
            ("LIMIT_RESETS_PER_HOUR", "2"),
            ("LIMIT_TAKEN_PER_HOUR", "1"),
            ("LIMIT_WRONG_LOG_INS_PER_HOUR", "1"),
        ],
        operations: &[
            "bob_takes_new",
            "complete",
            "complete_wrong",
            "log_in_unknown",
            "log_in_wrong",
            "request_reset",
            "request_reset_unknown",
            "update_email",
        ],
        is_cold: true,
        prepare: prepare::limits,
    },
    // Names and addresses that no user has.
    Scenario {
        name: "unknown",
        settings: &[("REVEAL_UNKNOWN_EMAILS", "false")],
        operations: &["log_in_unknown", "request_reset_unknown", "sign_up"],
        is_cold: false,
        prepare: |_| Start::default(),
    },
    // No process has read the keys.
    Scenario {
        name: "keys",
        settings: &[],
        operations: &[
            "authorize",
            "get_user",
            "jwks",
            "log_in",
            "revoke_key",
            "rotate_key",
            "sign_up",
            "token",
        ],
        is_cold: true,
        prepare: |world| prepare::alice_and_bob(world).0,
    },
    // There are no keys.
    Scenario {
        name: "no keys",
        settings: &[],
        operations: &[
            "jwks",
            "revoke_key",
            "rotate_key",
            "sign_up",
            "sign_up_same_name",
        ],
        is_cold: true,
        prepare: |_| Start::default(),
    },
];
