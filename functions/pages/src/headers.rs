//! The security headers that pages and assets have in place of those of the API's own responses, or in addition to them.

use lambda_http::http::{HeaderName, HeaderValue, header::CONTENT_SECURITY_POLICY};
use shared::{domain::settings::LogoUrl, http::Error};

/// The headers of every page and asset: no other site shares a process, a window or an asset with a page, and no page uses a
/// device of the reader.
const COMMON: [(HeaderName, HeaderValue); 3] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// The headers of an asset.
pub(crate) fn for_assets() -> [(HeaderName, HeaderValue); 3] {
    COMMON
}

/// The headers of a page. Its policy allows the assets of this origin, requests to this origin, and the logo. Forms are sent by
/// the script alone: without it, a browser must not put what was typed into a URL.
///
/// # Errors
/// [`Error::Internal`] if the logo's address is not a header value, which [`LogoUrl`] rules out.
pub(crate) fn for_pages(
    logo: Option<&LogoUrl>,
) -> Result<impl Iterator<Item = (HeaderName, HeaderValue)>, Error> {
    let logo = logo.map_or("", LogoUrl::as_str);
    let separator = if logo.is_empty() { "" } else { " " };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'{separator}{logo}; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let policy = HeaderValue::try_from(policy).map_err(Error::internal)?;
    Ok(COMMON
        .into_iter()
        .chain([(CONTENT_SECURITY_POLICY, policy)]))
}
