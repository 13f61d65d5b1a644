//! The settings that only the hosted pages have.

use std::str::FromStr;

/// The https URL of an image, which a Content-Security-Policy can name as it is.
///
/// # Examples
/// ```
/// use shared::domain::settings::LogoUrl;
///
/// let logo: LogoUrl = "https://cdn.example.com/logo.svg".parse().unwrap();
/// assert_eq!(logo.as_str(), "https://cdn.example.com/logo.svg");
/// assert!("http://cdn.example.com/logo.svg".parse::<LogoUrl>().is_err());
/// assert!("https://cdn.example.com/logo.svg; script-src *".parse::<LogoUrl>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoUrl(String);

/// A text that is not a [`LogoUrl`].
#[derive(Debug, thiserror::Error)]
#[error("is not an https URL without a query, such as https://cdn.example.com/logo.svg")]
pub struct Error;

impl FromStr for LogoUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rest = text.strip_prefix("https://").ok_or(Error)?;
        let (host, path) = rest.split_once('/').ok_or(Error)?;
        let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        // A policy ends a source at a space, a semicolon or a comma, and compares no query (CSP 3, section 2.3.1).
        let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%@+=".contains(&byte);
        if !host.is_empty() && host.bytes().all(is_of_host) && path.bytes().all(is_of_path) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error)
        }
    }
}

impl LogoUrl {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_one_source_of_a_policy() {
        for url in [
            "https://cdn.example.com/logo.svg",
            "https://cdn.example.com:8443/a/logo@2x.png",
            "https://example.com/",
        ] {
            assert!(url.parse::<LogoUrl>().is_ok(), "{url}");
        }
        for text in [
            "",
            "logo.svg",
            "//cdn.example.com/logo.svg",
            "http://cdn.example.com/logo.svg",
            "https://cdn.example.com",
            "https:///logo.svg",
            "https://user@cdn.example.com/logo.svg",
            "https://cdn.example.com/logo.svg?v=1",
            "https://cdn.example.com/logo.svg#a",
            "https://cdn.example.com/a logo.svg",
            "https://cdn.example.com/logo.svg;",
            "https://cdn.example.com/logo.svg,*",
            "https://cdn.example.com/'self'",
            "https://*/logo.svg",
        ] {
            assert!(text.parse::<LogoUrl>().is_err(), "{text}");
        }
    }
}
