//! The runs that went wrong once, each of which was a defect.

use crate::{proof::Recipe, world_of};

const FINDS: [&str; 7] = [
    // A retry after a lost response counted a wrong password for an unknown name again.
    "disabled: log_in: A0 A1 A2: LostResponse A2",
    // A log-in by an address that the account gave up meanwhile succeeded.
    "links: log_in_by_email set_email: A0 B0 B1 A1 A2",
    // A log-in ended the oldest session although another one had ended meanwhile.
    "full: end_other_session log_in: B0 B1 A0 B2",
    // The end of all sessions was confirmed although the one that changed the password was left.
    "links: end_all_sessions update_other_password: A0 B0 B1 A1: LostRequest A0",
    // The second of two revert links with the same secret was dropped.
    "same secrets: send_notice send_other_notice: A0 A1 A2 A3 A4 A5 A6 B0 B1 B2 B3 B4 B5 B6",
    // A count of wrong passwords that the operator had cleared went on.
    "unknown: clear_name log_in_unknown: B0 B1 A0 B2",
    // What counted in a window that began meanwhile was not taken back from it.
    "open limits: update_email complete bob_takes_new+7200: A0 A1 A2 B0 B1 B2 B3 B4 C0 C1 C2 C3 A3",
];

#[test]
fn a_run_that_went_wrong_once_is_right() {
    for line in FINDS {
        let recipe = Recipe::parse(line);
        if let Some(violation) = recipe.repeat(&world_of(recipe.scenario)) {
            panic!("{line}\n{violation}");
        }
    }
}
