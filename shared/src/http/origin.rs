//! The check that a request comes from a page that may act for the user: the defence of the cookie mode against forged
//! requests. Browsers state the origin of a request themselves (Fetch Metadata Request Headers; Fetch Standard, "`Origin`
//! header"); a page cannot change either header.

use lambda_http::{
    Request,
    http::{HeaderName, Method, header::ORIGIN},
};

use super::{Error, served_host};
use crate::domain::settings::SessionCookie;

/// The relation between the page and this API, in words of the browser.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns true for a request that can change something.
#[must_use]
pub(crate) fn is_unsafe(request: &Request) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method())
}

/// Rejects a request that another page than those of the settings may have made.
///
/// `same-site` includes every subdomain of the site, hostile ones too, so that the origin must be an allowed one as well.
/// Browsers always send it with requests that can change something. `none` is a request that no page made, such as a
/// navigation by the address bar: none of those is meant for this API.
///
/// # Errors
/// [`Error::ForeignOrigin`].
pub(crate) fn check(request: &Request, settings: &SessionCookie) -> Result<(), Error> {
    let is_allowed = match (header(request, &SEC_FETCH_SITE), header(request, &ORIGIN)) {
        (Some("same-origin"), _) | (Some("same-site"), None) => true,
        (Some("same-site") | None, Some(origin)) => allows(settings, request, origin),
        _ => false,
    };
    if is_allowed {
        Ok(())
    } else {
        Err(Error::ForeignOrigin)
    }
}

fn allows(settings: &SessionCookie, request: &Request, origin: &str) -> bool {
    let scheme = if settings.is_secure {
        "https://"
    } else {
        "http://"
    };
    let is_own = |host| origin.strip_prefix(scheme) == Some(host);
    settings.origins.iter().any(|allowed| allowed == origin)
        || served_host(request).is_some_and(is_own)
        || (!settings.is_secure && is_of_this_machine(origin))
}

/// Returns true for a page of the development server's machine, at any port.
fn is_of_this_machine(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("http://") else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

/// Returns the only value of a header; an empty text if there are several or it is not visible ASCII.
fn header<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next()?;
    let is_only = values.next().is_none();
    Some(first.to_str().ok().filter(|_| is_only).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use lambda_http::http::Request as Builder;

    use super::*;
    use crate::http::set_served_host;

    fn is_accepted(is_secure: bool, headers: &[(HeaderName, &str)]) -> bool {
        let settings = SessionCookie {
            is_secure,
            origins: vec!["https://app.example".to_owned()],
        };
        let request = headers.iter().fold(Builder::post("/"), |request, header| {
            request.header(&header.0, header.1)
        });
        let mut request = request.body(lambda_http::Body::Empty).expect("a request");
        set_served_host(&mut request, "api.example");
        check(&request, &settings).is_ok()
    }

    #[test]
    fn the_site_and_the_origin_must_be_allowed() {
        let allowed = (ORIGIN, "https://app.example");
        for (site, alone, with_allowed, with_other) in [
            ("same-origin", true, true, true),
            ("same-site", true, true, false),
            ("cross-site", false, false, false),
            ("none", false, false, false),
            ("", false, false, false),
            ("Same-Origin", false, false, false),
            ("same-origin,cross-site", false, false, false),
            ("\u{fc}", false, false, false),
        ] {
            let site = (SEC_FETCH_SITE, site);
            let with = |origin| is_accepted(true, &[site.clone(), origin]);
            assert_eq!(
                is_accepted(true, std::slice::from_ref(&site)),
                alone,
                "{site:?}"
            );
            assert_eq!(with(allowed.clone()), with_allowed, "{site:?}");
            for other in ["https://evil.app.example", "null", ""] {
                assert_eq!(with((ORIGIN, other)), with_other, "{site:?} {other}");
            }
        }
        let twice = [(SEC_FETCH_SITE, "same-origin"), (SEC_FETCH_SITE, "none")];
        assert!(!is_accepted(true, &twice));
    }

    #[test]
    fn without_the_site_the_origin_decides() {
        assert!(!is_accepted(true, &[]));
        for (origin, secure, insecure) in [
            ("https://app.example", true, true),
            ("https://api.example", true, false),
            ("http://api.example", false, true),
            ("http://localhost:5173", false, true),
            ("http://127.0.0.1", false, true),
            ("http://[::1]:80", false, true),
            ("https://localhost:5173", false, false),
            ("http://localhost.evil.example", false, false),
            ("http://evil.example:3000", false, false),
            ("http://localhost:evil", false, false),
            ("https://app.example:443", false, false),
            ("https://app.example.evil.example", false, false),
            ("https://APP.example", false, false),
            ("http://app.example", false, false),
            ("https://app.example, https://app.example", false, false),
            ("null", false, false),
            ("", false, false),
        ] {
            let headers = [(ORIGIN, origin)];
            assert_eq!(is_accepted(true, &headers), secure, "{origin}");
            assert_eq!(is_accepted(false, &headers), insecure, "{origin}");
        }
        let twice = [(ORIGIN, "https://app.example"), (ORIGIN, "null")];
        assert!(!is_accepted(true, &twice));
    }
}
