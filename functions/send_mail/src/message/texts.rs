//! The texts of mails in one language. `{product}` and `{lifetime}` are replaced before a text is rendered.

use shared::domain::locale::Language;

use super::{english::ENGLISH, german::GERMAN};

/// All texts of one language: what is missing does not compile.
pub(super) struct Texts {
    /// The first line, without the name and the comma.
    pub(super) greeting: &'static str,
    /// The last line.
    pub(super) automatic: &'static str,
    /// One hour, and several, as they follow "within".
    pub(super) hours: Plural,
    /// One day, and several, as they follow "within".
    pub(super) days: Plural,
    pub(super) reset_password: LinkTexts,
    pub(super) confirm_email: LinkTexts,
    pub(super) password_changed: NoticeTexts,
    pub(super) former_password_changed: NoticeTexts,
    pub(super) email_changed: NoticeTexts,
    pub(super) email_changed_with_link: LinkTexts,
    pub(super) email_change_requested: NoticeTexts,
    pub(super) account_deleted: NoticeTexts,
}

/// A unit of time, after the number one and after other numbers.
pub(super) struct Plural {
    pub(super) one: &'static str,
    pub(super) other: &'static str,
}

/// The texts of a mail with a link.
pub(super) struct LinkTexts {
    pub(super) subject: &'static str,
    /// The reason for the mail.
    pub(super) intro: &'static str,
    /// The sentence before the link, in the text.
    pub(super) open: &'static str,
    /// The button, in HTML.
    pub(super) button: &'static str,
    /// The sentence before the link that is written out, in HTML.
    pub(super) or_open: &'static str,
    /// The rules for the link, in the text.
    pub(super) expires: &'static str,
    /// The rules for the link, in HTML, where its lifetime has been named.
    pub(super) works_once: &'static str,
    /// The advice to a reader who did not request the link.
    pub(super) unexpected: &'static str,
}

/// The texts of a notice.
pub(super) struct NoticeTexts {
    pub(super) subject: &'static str,
    pub(super) news: &'static str,
    /// The advice to a reader who did not make the change, before the support contact of the settings.
    pub(super) advice_with_contact: &'static str,
    /// The same advice if the settings name no support contact.
    pub(super) advice: &'static str,
}

impl Texts {
    /// The texts of `language`.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

impl Texts {
    /// The lifetime of a link: in days if there are more than three, and otherwise in hours.
    pub(super) fn lifetime(&self, hours: u64) -> String {
        if hours > 72 {
            self.days.of(hours / 24)
        } else {
            self.hours.of(hours)
        }
    }
}

impl Plural {
    /// The number with its unit.
    pub(super) fn of(&self, number: u64) -> String {
        let unit = if number == 1 { self.one } else { self.other };
        format!("{number} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(texts: &LinkTexts) -> Vec<&'static str> {
        let LinkTexts {
            subject,
            intro,
            open,
            button,
            or_open,
            expires,
            works_once,
            unexpected,
        } = texts;
        vec![
            subject, intro, open, button, or_open, expires, works_once, unexpected,
        ]
    }

    fn notice(texts: &NoticeTexts) -> Vec<&'static str> {
        let NoticeTexts {
            subject,
            news,
            advice_with_contact,
            advice,
        } = texts;
        vec![subject, news, advice_with_contact, advice]
    }

    /// Every text; one that is forgotten here does not compile.
    fn all(texts: &Texts) -> Vec<&'static str> {
        let Texts {
            greeting,
            automatic,
            hours,
            days,
            reset_password,
            confirm_email,
            password_changed,
            former_password_changed,
            email_changed,
            email_changed_with_link,
            email_change_requested,
            account_deleted,
        } = texts;
        [
            vec![
                *greeting,
                automatic,
                hours.one,
                hours.other,
                days.one,
                days.other,
            ],
            link(reset_password),
            link(confirm_email),
            notice(password_changed),
            notice(former_password_changed),
            notice(email_changed),
            link(email_changed_with_link),
            notice(email_change_requested),
            notice(account_deleted),
        ]
        .concat()
    }

    /// The placeholders of a text, in order of their names.
    fn placeholders(text: &str) -> Vec<&str> {
        let parts = text
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next());
        let mut names: Vec<_> = parts.collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_text_with_its_placeholders() {
        let english = all(&ENGLISH);
        for language in Language::ALL {
            let texts = all(Texts::of(language));
            assert_eq!(texts.len(), english.len());
            for (text, english) in texts.into_iter().zip(&english) {
                assert_eq!(placeholders(text), placeholders(english), "{text}");
                assert!(!text.trim().is_empty(), "{english}");
                assert_eq!(text.trim(), text, "{text:?}");
                for name in placeholders(text) {
                    assert!(["product", "lifetime"].contains(&name), "{text}");
                }
            }
        }
    }

    #[test]
    fn languages_share_no_sentence() {
        let english = all(&ENGLISH);
        for text in all(&GERMAN) {
            assert!(!english.contains(&text), "not translated: {text}");
        }
    }
}
