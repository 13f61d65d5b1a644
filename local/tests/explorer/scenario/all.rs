//! Every scenario.

use super::{Scenario, Start, USUAL};
use crate::prepare;

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    // Every kind of link is outstanding.
    Scenario {
        name: "links",
        operations: "authorize bob_takes_former bob_takes_new complete complete_other complete_wrong confirm delete \
            delete_by_operator disable end_all_sessions end_other_session get_user list_sessions log_in log_in_new \
            log_in_wrong log_out log_out_other request_reset resend revert set_email set_superuser sign_out sign_up token \
            update_email update_email_back update_name update_nothing update_new update_other_name update_password \
            update_wrong",
        prepare: prepare::links,
        ..USUAL
    },
    // One more wrong password locks the account.
    Scenario {
        name: "locked",
        operations: "clear_limits complete delete delete_wrong disable log_in log_in_by_email log_in_wrong log_in_new update_name \
            update_nothing update_password update_wrong",
        prepare: prepare::almost_locked,
        ..USUAL
    },
    // A log-in needs a verified address, one more wrong password locks the account, and no mail is outstanding.
    Scenario {
        name: "unverified",
        settings: &[("REQUIRE_VERIFIED_EMAIL", "true")],
        operations: "clear_limits confirm delete disable log_in log_in_wrong request_reset resend set_email update_email \
            update_password",
        prepare: prepare::unverified,
        ..USUAL
    },
    // Every session that a user can have.
    Scenario {
        name: "full",
        operations: "complete end_all_sessions end_other_session log_in log_in_by_email log_out log_out_other sign_out \
            update_password",
        prepare: prepare::full,
        ..USUAL
    },
    // One session less than a user can have.
    Scenario {
        name: "almost full",
        operations: "log_in log_in_by_email sign_out",
        prepare: prepare::almost_full,
        ..USUAL
    },
    // Another address takes effect once it is confirmed, and one is pending.
    Scenario {
        name: "pending",
        settings: &[("CONFIRM_EMAIL_CHANGE", "true")],
        operations: "bob_takes_new complete confirm delete delete_by_operator disable log_in resend set_email sign_up update_email \
            update_email_back update_name update_password withdraw_email",
        prepare: prepare::pending,
        ..USUAL
    },
    // Mails of every kind are queued.
    Scenario {
        name: "mails",
        operations: "complete confirm delete disable request_reset resend revert send_confirmation send_notice send_reset set_email \
            update_email update_password",
        prepare: prepare::mails,
        ..USUAL
    },
    // The account is disabled.
    Scenario {
        name: "disabled",
        operations: "add_role complete confirm delete_by_operator disable enable log_in remove_role request_reset revert set_email \
            sign_up sign_up_same_name",
        prepare: prepare::disabled,
        ..USUAL
    },
    // Two accounts want one address or username.
    Scenario {
        name: "names",
        operations: "bob_takes_former bob_takes_new delete set_email sign_up sign_up_former sign_up_same_name update_email \
            update_email_back",
        prepare: prepare::expired,
        ..USUAL
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
        operations: "bob_takes_new complete complete_wrong log_in_unknown log_in_wrong request_reset request_reset_unknown \
            update_email",
        is_cold: true,
        prepare: prepare::limits,
        ..USUAL
    },
    // Names and addresses that no user has.
    Scenario {
        name: "unknown",
        settings: &[("REVEAL_UNKNOWN_EMAILS", "false")],
        operations: "log_in_unknown request_reset_unknown sign_up",
        prepare: |_| Start::default(),
        ..USUAL
    },
    // No process has read the keys.
    Scenario {
        name: "keys",
        operations: "authorize get_user jwks log_in revoke_key rotate_key sign_up token",
        is_cold: true,
        prepare: |world| prepare::alice_and_bob(world).0,
        ..USUAL
    },
    // There are no keys.
    Scenario {
        name: "no keys",
        operations: "jwks revoke_key rotate_key sign_up sign_up_same_name",
        is_cold: true,
        prepare: |_| Start::default(),
        ..USUAL
    },
];
