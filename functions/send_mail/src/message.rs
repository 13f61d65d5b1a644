//! The content of mails, as text and as HTML, in the reader's language. Subjects contain nothing that a user chose; HTML is
//! escaped.

mod brand;
mod english;
mod german;
mod texts;

use askama::Template;
use shared::domain::{locale::Language, settings::MailSettings};

use self::{
    brand::Brand,
    texts::{LinkTexts, NoticeTexts, Texts},
};

/// A mail, ready to be sent.
pub(crate) struct EmailMessage {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// The content of a mail.
pub(crate) enum MailContent<'a> {
    /// A link to reset the password.
    ResetPassword {
        /// The reset token, for the link.
        token: &'a str,
    },
    /// A link to confirm the address.
    ConfirmEmail {
        /// The token, for the link.
        token: &'a str,
    },
    /// A notice, to the account's address, that the password was changed.
    PasswordChanged,
    /// The same notice to an address that the account no longer has: no reset link can be sent there.
    FormerPasswordChanged,
    /// A notice, to the former address, that the account's address was changed.
    EmailChanged,
    /// A notice, to the address in force, that another one was given and has to be confirmed.
    EmailChangeRequested,
    /// The notice of a changed address with a link that takes the account back.
    EmailChangedWithLink {
        /// The token, for the link.
        token: &'a str,
        /// The number of hours for which the link is valid.
        hours: u64,
    },
    /// A notice that the account was deleted.
    AccountDeleted,
}

/// The person that a mail is written to.
pub(crate) struct Reader<'a> {
    /// The name in the greeting, if any.
    pub(crate) name: Option<&'a str>,
    /// The language.
    pub(crate) language: Language,
}

/// What all mails have in common.
struct Common<'a> {
    language: &'static str,
    subject: String,
    /// The greeting, with the name if there is one.
    greeting: String,
    product: &'a str,
    contact: Option<Contact<'a>>,
    footer: Option<&'a str>,
    automatic: &'static str,
    brand: Brand,
}

/// The place where users get help.
struct Contact<'a> {
    text: &'a str,
    url: String,
}

/// The parts of a mail with a link.
struct Link {
    url: String,
    intro: String,
    open: String,
    button: String,
    or_open: String,
    expires: String,
    works_once: String,
    unexpected: String,
}

/// The parts of a notice.
struct Notice {
    news: String,
    advice: String,
}

#[derive(Template)]
#[template(path = "link.txt")]
struct LinkText<'a> {
    common: &'a Common<'a>,
    link: &'a Link,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkHtml<'a> {
    common: &'a Common<'a>,
    link: &'a Link,
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct NoticeText<'a> {
    common: &'a Common<'a>,
    notice: &'a Notice,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeHtml<'a> {
    common: &'a Common<'a>,
    notice: &'a Notice,
}

impl EmailMessage {
    /// Renders `content` for `reader`.
    pub(crate) fn render(
        content: &MailContent<'_>,
        reader: &Reader<'_>,
        settings: &MailSettings,
    ) -> Result<Self, askama::Error> {
        let writer = Writer {
            texts: Texts::of(reader.language),
            reader,
            settings,
        };
        let texts = writer.texts;
        match content {
            MailContent::ResetPassword { token } => {
                let url = link(&settings.reset_link_base, "token", token);
                writer.link(&texts.reset_password, url, writer.link_hours())
            }
            MailContent::ConfirmEmail { token } => {
                let base = settings.confirm_link_base.as_deref().unwrap_or_default();
                let url = link(base, "key", token);
                writer.link(&texts.confirm_email, url, writer.link_hours())
            }
            MailContent::EmailChangedWithLink { token, hours } => {
                let base = settings.revert_link_base.as_deref().unwrap_or_default();
                let url = link(base, "key", token);
                writer.link(&texts.email_changed_with_link, url, *hours)
            }
            MailContent::PasswordChanged => writer.notice(&texts.password_changed),
            MailContent::FormerPasswordChanged => writer.notice(&texts.former_password_changed),
            MailContent::EmailChanged => writer.notice(&texts.email_changed),
            MailContent::AccountDeleted => writer.notice(&texts.account_deleted),
            MailContent::EmailChangeRequested => writer.notice(&texts.email_change_requested),
        }
    }
}

/// Fills the texts of one language in.
struct Writer<'a> {
    texts: &'static Texts,
    reader: &'a Reader<'a>,
    settings: &'a MailSettings,
}

impl Writer<'_> {
    fn link(
        &self,
        texts: &LinkTexts,
        url: String,
        hours: u64,
    ) -> Result<EmailMessage, askama::Error> {
        let lifetime = self.texts.lifetime(hours);
        let fill = |text: &str| self.fill(text).replace("{lifetime}", &lifetime);
        let common = self.common(texts.subject);
        let link = Link {
            url,
            intro: fill(texts.intro),
            open: fill(texts.open),
            button: fill(texts.button),
            or_open: fill(texts.or_open),
            expires: fill(texts.expires),
            works_once: fill(texts.works_once),
            unexpected: fill(texts.unexpected),
        };
        let (common, link) = (&common, &link);
        Ok(EmailMessage {
            text: LinkText { common, link }.render()?,
            html: LinkHtml { common, link }.render()?,
            subject: common.subject.clone(),
        })
    }

    fn notice(&self, texts: &NoticeTexts) -> Result<EmailMessage, askama::Error> {
        let common = self.common(texts.subject);
        let notice = Notice {
            news: self.fill(texts.news),
            advice: match common.contact {
                Some(_) => self.fill(texts.advice_with_contact),
                None => self.fill(texts.advice),
            },
        };
        let (common, notice) = (&common, &notice);
        Ok(EmailMessage {
            text: NoticeText { common, notice }.render()?,
            html: NoticeHtml { common, notice }.render()?,
            subject: common.subject.clone(),
        })
    }

    fn common(&self, subject: &str) -> Common<'_> {
        let greeting = self.texts.greeting;
        Common {
            language: self.reader.language.code(),
            subject: self.fill(subject),
            greeting: match self.reader.name {
                Some(name) => format!("{greeting} {name}"),
                None => greeting.to_owned(),
            },
            product: &self.settings.product_name,
            contact: self.settings.support_contact.as_deref().map(Contact::new),
            footer: self.settings.footer.as_deref(),
            automatic: self.texts.automatic,
            brand: Brand::new(self.settings.brand_color),
        }
    }

    const fn link_hours(&self) -> u64 {
        self.settings.reset_link_lifetime.as_secs() / 3600
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{product}", &self.settings.product_name)
    }
}

impl<'a> Contact<'a> {
    /// The contact of the setting, an e-mail address or an https URL.
    fn new(text: &'a str) -> Self {
        let url = if text.starts_with("https://") {
            text.to_owned()
        } else {
            format!("mailto:{text}")
        };
        Self { text, url }
    }
}

/// Returns the address of a page with the token added to its fragment, if the base ends with a `#`, or else to its query.
fn link(base: &str, parameter: &str, token: &str) -> String {
    let separator = if base.ends_with('#') {
        ""
    } else if base.contains('?') {
        "&"
    } else {
        "?"
    };
    format!("{base}{separator}{parameter}={token}")
}
