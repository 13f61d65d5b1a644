//! The style, the script and the icon. The name of each contains a hash of its content.

use std::borrow::Cow;

use shared::domain::{color::Color, digest::sha256_hex};

const STYLE: &str = concat!(
    include_str!("../assets/layout.css"),
    include_str!("../assets/forms.css"),
    include_str!("../assets/account.css"),
);
/// One module: each part uses the functions of those before it.
const SCRIPT: &str = concat!(
    include_str!("../assets/api.js"),
    include_str!("../assets/messages.js"),
    include_str!("../assets/passwords.js"),
    include_str!("../assets/forms.js"),
    include_str!("../assets/links.js"),
    include_str!("../assets/account.js"),
    include_str!("../assets/start.js"),
);
const ICON: &str = include_str!("../assets/icon.svg");

/// The number of hexadecimal digits of a hash in a name.
const HASH_DIGITS: usize = 16;

const DARK: &str = "#18181b";
const WHITE: &str = "#ffffff";
const LIGHT: &str = "#f4f4f5";

/// The assets of all pages.
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
}

/// A file that pages load.
pub(crate) struct Asset {
    stem: &'static str,
    hash: String,
    extension: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) content: Cow<'static, str>,
}

impl Assets {
    /// The assets in the brand's colour.
    pub(crate) fn new(brand: Option<Color>) -> Self {
        let style = format!("{}{STYLE}", brand_properties(brand));
        Self {
            style: Asset::new("style", "css", "text/css; charset=utf-8", style.into()),
            script: Asset::new(
                "script",
                "js",
                "text/javascript; charset=utf-8",
                SCRIPT.into(),
            ),
            icon: Asset::new("icon", "svg", "image/svg+xml", ICON.into()),
        }
    }

    /// The asset that has this name, or has it but for the hash.
    pub(crate) fn find(&self, name: &str) -> Option<&Asset> {
        [&self.style, &self.script, &self.icon]
            .into_iter()
            .find(|asset| asset.has_name(name))
    }
}

impl Asset {
    fn new(
        stem: &'static str,
        extension: &'static str,
        media_type: &'static str,
        content: Cow<'static, str>,
    ) -> Self {
        let mut hash = sha256_hex(content.as_bytes());
        hash.truncate(HASH_DIGITS);
        Self {
            stem,
            hash,
            extension,
            media_type,
            content,
        }
    }

    /// The name of the file.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}.{}", self.stem, self.hash, self.extension)
    }

    /// Returns true if `name` is this asset's, of any release.
    fn has_name(&self, name: &str) -> bool {
        let hash = name
            .strip_prefix(self.stem)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.strip_suffix(self.extension))
            .and_then(|rest| rest.strip_suffix('.'));
        hash.is_some_and(|hash| {
            hash.len() == HASH_DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
    }
}

/// The colours of buttons as properties of CSS: those of mails. Without a colour of the brand a dark button, and in dark mode a
/// light one.
fn brand_properties(brand: Option<Color>) -> String {
    let (color, text, dark_color, dark_text) = match brand {
        Some(color) => {
            let text = if color.is_light() { DARK } else { WHITE };
            (color.to_string(), text, color.to_string(), text)
        }
        None => (DARK.to_owned(), WHITE, LIGHT.to_owned(), DARK),
    };
    format!(
        ":root {{ --brand: {color}; --on-brand: {text}; }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ --brand: {dark_color}; --on-brand: {dark_text}; }} }}\n"
    )
}
