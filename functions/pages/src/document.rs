//! A page as HTML. Everything that a setting contains is escaped.

use askama::Template;
use shared::domain::{
    locale::Language,
    settings::{LogoUrl, Settings},
};

use crate::{assets::Assets, texts::Texts};

/// A hosted page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Account,
    ConfirmEmail,
    ForgotPassword,
    LogIn,
    /// The page of every unknown path.
    NotFound,
    ResetPassword,
    RevertEmail,
    SignUp,
}

impl Page {
    const ALL: [Self; 7] = [
        Self::Account,
        Self::ConfirmEmail,
        Self::ForgotPassword,
        Self::LogIn,
        Self::ResetPassword,
        Self::RevertEmail,
        Self::SignUp,
    ];

    /// The page at this path, which is a single segment.
    pub(crate) fn from_path(segment: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|page| page.name() == segment)
            .unwrap_or(Self::NotFound)
    }

    /// The name of the page, which is its path without the slash.
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::ConfirmEmail => "confirm_email",
            Self::ForgotPassword => "forgot_password",
            Self::LogIn => "log_in",
            Self::NotFound => "not_found",
            Self::ResetPassword => "reset_password",
            Self::RevertEmail => "revert_email",
            Self::SignUp => "sign_up",
        }
    }
}

/// The place where users get help.
struct Contact<'a> {
    text: &'a str,
    url: String,
}

/// A page and what it shows.
#[derive(Template)]
#[template(path = "layout.html")]
pub(crate) struct Document<'a> {
    page: Page,
    language: Language,
    texts: &'static Texts,
    product: &'a str,
    min_length: usize,
    logo: Option<&'a str>,
    contact: Option<Contact<'a>>,
    style: String,
    script: String,
    icon: String,
}

impl<'a> Document<'a> {
    pub(crate) fn new(
        page: Page,
        language: Language,
        texts: &'static Texts,
        settings: &'a Settings,
        assets: &Assets,
    ) -> Self {
        let contact = settings.mail.support_contact.as_deref();
        Self {
            page,
            language,
            texts,
            product: &settings.mail.product_name,
            min_length: settings.password_policy.min_length,
            logo: settings.logo_url.as_ref().map(LogoUrl::as_str),
            contact: contact.map(Contact::new),
            style: assets.style.name(),
            script: assets.script.name(),
            icon: assets.icon.name(),
        }
    }

    /// Renders the page.
    pub(crate) fn html(&self) -> Result<String, askama::Error> {
        self.render()
    }

    fn title(&self) -> &'static str {
        let texts = self.texts;
        match self.page {
            Page::Account => texts.account.title,
            Page::ConfirmEmail => texts.confirm_email.title,
            Page::ForgotPassword => texts.forgot_password.title,
            Page::LogIn => texts.log_in.title,
            Page::NotFound => texts.not_found.title,
            Page::ResetPassword => texts.reset_password.title,
            Page::RevertEmail => texts.revert_email.title,
            Page::SignUp => texts.sign_up.title,
        }
    }

    /// The first letter of the product's name, which is ASCII, as a mark beside the name.
    fn initial(&self) -> &str {
        self.product.get(..1).unwrap_or_default()
    }

    /// The rules for passwords that password managers generate (the attribute `passwordrules`).
    fn password_rules(&self) -> String {
        format!("minlength: {}; maxlength: 64;", self.min_length)
    }

    /// Replaces the placeholders of a text.
    fn fill(&self, text: &str) -> String {
        text.replace("{product}", self.product)
            .replace("{min}", &self.min_length.to_string())
    }

    /// The texts of the script as JSON that cannot end the element around it.
    fn script_texts(&self) -> Result<String, askama::Error> {
        let json = serde_json::to_string(&self.texts.script)
            .map_err(|error| askama::Error::Custom(error.into()))?;
        // Of the placeholders they contain the number only, which is JSON, and those that the script itself replaces.
        let json = json.replace("{min}", &self.min_length.to_string());
        Ok(json.replace('<', "\\u003c"))
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
