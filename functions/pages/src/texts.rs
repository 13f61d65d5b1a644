//! The texts of the pages in one language. `{product}` and `{min}`, the minimum length of a password, are replaced when a page
//! is rendered; `{wait}`, `{email}` and `{date}` by the script.

mod english;
mod german;

use serde::Serialize;
use shared::domain::locale::Language;

use self::{english::ENGLISH, german::GERMAN};

/// All texts of one language: what is missing does not compile.
pub(crate) struct Texts {
    pub(crate) help: &'static str,
    pub(crate) no_script: &'static str,
    pub(crate) fields: Fields,
    pub(crate) rules: Rules,
    pub(crate) account: Account,
    pub(crate) confirm_email: ConfirmEmail,
    pub(crate) forgot_password: ForgotPassword,
    pub(crate) log_in: LogIn,
    pub(crate) not_found: NotFound,
    pub(crate) reset_password: ResetPassword,
    pub(crate) revert_email: RevertEmail,
    pub(crate) sign_up: SignUp,
    pub(crate) script: Script,
}

/// The labels of fields.
pub(crate) struct Fields {
    pub(crate) email: &'static str,
    pub(crate) username: &'static str,
    pub(crate) username_hint: &'static str,
    pub(crate) email_or_username: &'static str,
    pub(crate) first_name: &'static str,
    pub(crate) last_name: &'static str,
    pub(crate) optional: &'static str,
    pub(crate) password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) password_confirmation: &'static str,
    pub(crate) current_password: &'static str,
}

/// The rules for a new password, which are shown below the field.
pub(crate) struct Rules {
    pub(crate) heading: &'static str,
    pub(crate) length: &'static str,
    pub(crate) personal: &'static str,
    pub(crate) common: &'static str,
    pub(crate) strength: &'static str,
}

pub(crate) struct Account {
    pub(crate) title: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) log_out: &'static str,
    pub(crate) not_confirmed: &'static str,
    pub(crate) resend: &'static str,
    pub(crate) details: &'static str,
    pub(crate) save_details: &'static str,
    pub(crate) email: &'static str,
    pub(crate) save_email: &'static str,
    pub(crate) password: &'static str,
    pub(crate) password_hint: &'static str,
    pub(crate) save_password: &'static str,
    pub(crate) sessions: &'static str,
    pub(crate) sessions_hint: &'static str,
    pub(crate) end_all: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) delete_hint: &'static str,
    pub(crate) delete_button: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) deleted_text: &'static str,
}

pub(crate) struct ConfirmEmail {
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) button: &'static str,
    pub(crate) done: &'static str,
    pub(crate) done_text: &'static str,
    pub(crate) invalid_text: &'static str,
    pub(crate) to_account: &'static str,
}

pub(crate) struct ForgotPassword {
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) button: &'static str,
    pub(crate) done: &'static str,
    pub(crate) done_text: &'static str,
    pub(crate) again: &'static str,
}

pub(crate) struct LogIn {
    pub(crate) title: &'static str,
    pub(crate) button: &'static str,
    pub(crate) forgot: &'static str,
    pub(crate) no_account: &'static str,
    pub(crate) sign_up: &'static str,
}

pub(crate) struct NotFound {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) to_log_in: &'static str,
}

pub(crate) struct ResetPassword {
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) button: &'static str,
    pub(crate) done: &'static str,
    pub(crate) done_text: &'static str,
    pub(crate) log_in: &'static str,
    pub(crate) invalid: &'static str,
    pub(crate) invalid_text: &'static str,
    pub(crate) new_link: &'static str,
}

pub(crate) struct RevertEmail {
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) button: &'static str,
    pub(crate) done: &'static str,
    pub(crate) done_text: &'static str,
    pub(crate) invalid_text: &'static str,
}

pub(crate) struct SignUp {
    pub(crate) title: &'static str,
    pub(crate) button: &'static str,
    pub(crate) has_account: &'static str,
    pub(crate) log_in: &'static str,
}

/// The texts that the script shows.
#[derive(Serialize)]
pub(crate) struct Script {
    pub(crate) show_password: &'static str,
    pub(crate) hide_password: &'static str,
    pub(crate) met: &'static str,
    /// The strengths of a password, the weakest first.
    pub(crate) strengths: [&'static str; 4],
    pub(crate) errors: Errors,
    pub(crate) fields: FieldErrors,
    pub(crate) saved: &'static str,
    pub(crate) password_saved: &'static str,
    pub(crate) confirmation_sent: &'static str,
    pub(crate) email_saved: &'static str,
    pub(crate) email_pending: &'static str,
    pub(crate) pending_notice: &'static str,
    pub(crate) already_verified: &'static str,
    pub(crate) this_session: &'static str,
    pub(crate) signed_in: &'static str,
    pub(crate) unknown_device: &'static str,
    pub(crate) on: &'static str,
    pub(crate) end_session: &'static str,
    pub(crate) session_ended: &'static str,
}

/// The texts for a request that failed as a whole, by the API's code.
#[derive(Serialize)]
pub(crate) struct Errors {
    pub(crate) network: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) unavailable: &'static str,
    pub(crate) too_many_requests: &'static str,
    pub(crate) too_many_requests_later: &'static str,
    pub(crate) conflict: &'static str,
    pub(crate) revert_link_outstanding: &'static str,
    pub(crate) invalid_credentials: &'static str,
    pub(crate) email_not_verified: &'static str,
    pub(crate) unknown_email: &'static str,
    pub(crate) nothing_to_change: &'static str,
}

/// The texts for a value that is rejected, by the API's code, and for some fields by their name and the code.
#[derive(Serialize)]
pub(crate) struct FieldErrors {
    pub(crate) required: &'static str,
    pub(crate) invalid: &'static str,
    pub(crate) too_short: &'static str,
    pub(crate) too_long: &'static str,
    pub(crate) too_common: &'static str,
    pub(crate) too_similar: &'static str,
    pub(crate) incorrect: &'static str,
    pub(crate) mismatch: &'static str,
    pub(crate) taken: &'static str,
    pub(crate) email_invalid: &'static str,
    pub(crate) email_taken: &'static str,
    pub(crate) username_invalid: &'static str,
    pub(crate) username_taken: &'static str,
}

impl Texts {
    /// The texts of `language`.
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}
