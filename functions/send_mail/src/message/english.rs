//! The texts of mails in English.

use super::texts::{LinkTexts, NoticeTexts, Plural, Texts};

const PASSWORD_CHANGED: &str =
    "The password of your account was changed. All other sessions have been signed out.";

const GET_HELP: &str = "If you made this change, there is nothing to do. If you did not make it, contact us immediately:";

const GET_HELP_OF: &str = "If you made this change, there is nothing to do. If you did not make it, contact the support of {product} \
     immediately.";

pub(super) const ENGLISH: Texts = Texts {
    greeting: "Hello",
    automatic: "This is an automatic message.",
    hours: Plural {
        one: "hour",
        other: "hours",
    },
    days: Plural {
        one: "day",
        other: "days",
    },
    reset_password: LinkTexts {
        subject: "Reset your {product} password",
        intro: "We received a request to reset the password of your {product} account.",
        open: "To choose a new password, open this link:",
        button: "Choose a new password",
        or_open: "Or open this link within {lifetime}:",
        expires: "The link expires in {lifetime} and works once. Only the most recent link is valid.",
        works_once: "The link works once, and only the most recent link is valid.",
        unexpected: "If you did not request this, you can ignore this e-mail. Your password stays the same.",
    },
    confirm_email: LinkTexts {
        subject: "Confirm your {product} e-mail address",
        intro: "This address was given for a {product} account.",
        open: "To confirm that it is yours, open this link:",
        button: "Confirm this address",
        or_open: "Or open this link within {lifetime}:",
        expires: "The link expires in {lifetime} and works once. Only the most recent link is valid.",
        works_once: "The link works once, and only the most recent link is valid.",
        unexpected: "If you do not know this account, ignore this e-mail. The address is then not confirmed.",
    },
    password_changed: NoticeTexts {
        subject: "Your {product} password was changed",
        news: PASSWORD_CHANGED,
        advice_with_contact: "If you made this change, there is nothing to do. If you did not make it, request a password reset for this e-mail \
             address now, and choose a new password. Then contact us immediately:",
        advice: "If you made this change, there is nothing to do. If you did not make it, request a password reset for this e-mail \
             address now, and choose a new password. Then contact the support of {product} immediately.",
    },
    former_password_changed: NoticeTexts {
        subject: "Your {product} password was changed",
        news: PASSWORD_CHANGED,
        advice_with_contact: GET_HELP,
        advice: GET_HELP_OF,
    },
    email_changed: NoticeTexts {
        subject: "Your {product} e-mail address was changed",
        news: "The e-mail address of your account was changed. This is the last message sent to this address.",
        advice_with_contact: GET_HELP,
        advice: GET_HELP_OF,
    },
    email_changed_with_link: LinkTexts {
        subject: "Your {product} e-mail address was changed",
        intro: "The e-mail address of your {product} account was changed. This is the last message sent to this address.",
        open: "If you did not make this change, open this link to take your account back and choose a new password:",
        button: "This was not me",
        or_open: "If you did not make this change, press the button, or open this link within {lifetime}:",
        expires: "The link expires in {lifetime} and works once.",
        works_once: "The link works once.",
        unexpected: "If you made this change, there is nothing to do.",
    },
    email_change_requested: NoticeTexts {
        subject: "A new e-mail address for your {product} account",
        news: "Another e-mail address was given for your account. Your account keeps this address until the new one is confirmed.",
        advice_with_contact: "If you made this change, there is nothing to do. If you did not make it, request a password reset for this e-mail \
             address now, and choose a new password. The new address is then discarded. Then contact us immediately:",
        advice: "If you made this change, there is nothing to do. If you did not make it, request a password reset for this e-mail \
             address now, and choose a new password. The new address is then discarded. Then contact the support of {product} \
             immediately.",
    },
    account_deleted: NoticeTexts {
        subject: "Your {product} account was deleted",
        news: "Your {product} account was deleted. This is the last message about it.",
        advice_with_contact: "If you deleted it, there is nothing to do. If you did not, contact us immediately:",
        advice: "If you deleted it, there is nothing to do. If you did not, contact the support of {product} immediately.",
    },
};
