//! Every scenario.

use super::{Scenario, Start, USUAL};
use crate::{prepare, prepare_damaged as damaged};

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    // Every kind of link is outstanding.
    Scenario {
        name: "links",
        operations: "authorize bob_takes_former bob_takes_new complete complete_other complete_wrong confirm delete \
            delete_by_operator disable end_all_sessions end_other_session get_user list_sessions log_in log_in_new \
            log_in_wrong log_out log_out_other request_reset resend revert set_email set_superuser sign_out sign_up token \
            update_email update_email_back update_name update_nothing update_new update_other_name update_other_password update_password \
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
        operations: "bob_takes_former bob_takes_free bob_takes_new delete set_email sign_up sign_up_former sign_up_same_name update_email \
            update_email_back",
        prepare: prepare::expired,
        ..USUAL
    },
    // One more request of each kind reaches the limit of its source address.
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
        operations: "bob_takes_new complete complete_wrong log_in log_in_unknown log_in_wrong request_reset \
            request_reset_unknown update_email",
        by_hand: Some(["log_in", "log_in"]),
        is_cold: true,
        prepare: prepare::limits,
        ..USUAL
    },
    // The same for an address that is free, whose count is taken back.
    Scenario {
        name: "taken back",
        settings: &[("SOURCE_LIMITS", "on"), ("LIMIT_TAKEN_PER_HOUR", "1")],
        operations: "bob_takes_free bob_takes_new",
        is_cold: true,
        prepare: prepare::limits,
        ..USUAL
    },
    // One more request of each kind is within the limit of its source address, and the windows are open. Some requests come after their end.
    Scenario {
        name: "open limits",
        settings: &[
            ("SOURCE_LIMITS", "on"),
            ("LIMIT_COMPLETIONS_PER_HOUR", "2"),
            ("LIMIT_RESETS_PER_HOUR", "2"),
            ("LIMIT_TAKEN_PER_HOUR", "2"),
            ("LIMIT_WRONG_LOG_INS_PER_HOUR", "2"),
        ],
        operations: "bob_takes_new bob_takes_new+7200 complete complete_wrong complete_wrong+7200 \
            expire_limits+7200 log_in_wrong request_reset request_reset_unknown update_email",
        is_cold: true,
        pause: 180,
        prepare: prepare::open_limits,
        ..USUAL
    },
    // One more mail of the queued ones is within the limit of its address.
    Scenario {
        name: "last mail",
        settings: &[("LIMIT_MAILS_PER_DAY", "7")],
        operations: "send_password_notice send_other_password_notice send_password_notice+82000 expire_limits+82000",
        prepare: prepare::last_mail,
        ..USUAL
    },
    // Links are outstanding, and newer ones are queued.
    Scenario {
        name: "newer links",
        operations: "complete complete+180000 confirm confirm+180000 delete disable expire_confirm+180000 expire_reset+180000 \
            log_in request_reset resend revert send_confirmation send_reset update_email update_password",
        prepare: prepare::newer_links,
        ..USUAL
    },
    // DynamoDB deletes mails while they are sent.
    Scenario {
        name: "mails expire",
        operations: "expire_mails+700000 send_confirmation send_notice send_reset",
        prepare: prepare::mails,
        ..USUAL
    },
    // Every mail has expired and is deleted.
    Scenario {
        name: "no mails",
        operations: "clear_resets delete request_reset resend set_email update_email",
        prepare: prepare::no_mails,
        ..USUAL
    },
    // Links and reservations expire meanwhile. Not here: a request of another account for an address whose reservation has expired by the
    // clock of one process and not by its own. The one deletes the marker, and the other then finds none.
    Scenario {
        name: "expiry",
        operations: "bob_takes_former+700000 complete complete+180000 confirm confirm+180000 delete \
            delete+700000 expire_confirm+180000 expire_reset+180000 expire_revert+700000 revert revert+700000 \
            update_email_back update_email_back+700000",
        is_cold: true,
        prepare: prepare::links,
        ..USUAL
    },
    // One role less than a user can have.
    Scenario {
        name: "roles",
        operations: "add_author add_role delete_by_operator disable remove_role token",
        prepare: prepare::almost_all_roles,
        ..USUAL
    },
    // Every role that a user can have.
    Scenario {
        name: "all roles",
        operations: "add_author add_role remove_role",
        prepare: prepare::all_roles,
        ..USUAL
    },
    // The requests draw the same random numbers.
    Scenario {
        name: "same random",
        operations: "add_author add_role bob_takes_new complete confirm delete_by_operator disable revert set_email sign_up \
            sign_up_dave sign_up_same_name sign_out update_email update_name update_other_name update_password",
        draws_alike: true,
        prepare: prepare::links,
        ..USUAL
    },
    // The same without events, whose keys would collide as well.
    Scenario {
        name: "no events",
        settings: &[("EventBusName", "")],
        operations: "complete revert sign_up sign_up_dave update_password",
        draws_alike: true,
        prepare: prepare::links,
        ..USUAL
    },
    // The deliveries draw the same random numbers.
    Scenario {
        name: "same secrets",
        operations: "send_confirmation send_notice send_other_notice send_reset",
        draws_alike: true,
        prepare: prepare::two_notices,
        ..USUAL
    },
    // A part of the table of users is from a backup: the address leads to another account.
    Scenario {
        name: "damaged address",
        operations: "bob_takes_former bob_takes_new complete confirm delete delete_by_operator disable log_in_by_email request_reset \
            revert set_email sign_up_former update_email update_email_back",
        prepare: damaged::address,
        ..USUAL
    },
    // The username leads to another account.
    Scenario {
        name: "damaged username",
        operations: "complete delete delete_by_operator disable log_in set_email update_email update_name",
        prepare: damaged::username,
        ..USUAL
    },
    // A former address belongs to another account.
    Scenario {
        name: "damaged reservation",
        operations: "bob_takes_former delete delete_by_operator log_in_by_email revert set_email sign_up_former update_email_back",
        prepare: damaged::former,
        ..USUAL
    },
    // The markers are missing.
    Scenario {
        name: "no markers",
        operations: "bob_takes_new delete disable log_in_by_email revert set_email sign_up_former update_email",
        prepare: damaged::without_markers,
        ..USUAL
    },
    // The marker is at another canonical form of the address, as an earlier version may have computed it.
    Scenario {
        name: "moved address",
        operations: "delete move_canonical sign_up_current update_name",
        prepare: damaged::moved,
        ..USUAL
    },
    // The table is restored from a backup.
    Scenario {
        name: "restored",
        operations: "prepare_restored void_password",
        prepare: prepare::links,
        ..USUAL
    },
    // The operator retries the reset mail, and clears its count. Not here: another request for such a mail, which has the same response if the
    // operator's comes first, and then does not count.
    Scenario {
        name: "retried",
        operations: "clear_resets delete disable replay_reset send_reset set_email update_password",
        prepare: prepare::mails,
        ..USUAL
    },
    // Reset mails are counted. Not here: another request for one, which counts on if it has read the count before it is cleared.
    Scenario {
        name: "counted",
        settings: &[("REVEAL_UNKNOWN_EMAILS", "false")],
        operations: "clear_address clear_resets",
        prepare: prepare::counted,
        ..USUAL
    },
    // The account is disabled, and both names lead to another account.
    Scenario {
        name: "damaged disabled",
        operations: "delete_by_operator disable enable set_email sign_up_former",
        prepare: damaged::disabled,
        ..USUAL
    },
    // Names and addresses that no user has.
    Scenario {
        name: "unknown",
        settings: &[("REVEAL_UNKNOWN_EMAILS", "false")],
        operations: "clear_address clear_name log_in_unknown request_reset_unknown sign_up",
        prepare: prepare::unknown,
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
