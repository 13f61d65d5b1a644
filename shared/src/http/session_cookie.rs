//! The session cookie (RFC 6265bis): its name and attributes, and its value in requests.

use std::time::Duration;

use lambda_http::{
    Request,
    http::{HeaderValue, header::COOKIE},
};

use super::Error;
use crate::domain::settings::SessionCookie;

/// The name of the cookie. Browsers accept the prefix only from an https response, with `Secure`, `Path=/` and no `Domain`
/// (RFC 6265bis, section 4.1.3.2): no other host, not even a subdomain, can set or replace the cookie.
const NAME: &str = "__Host-session";

/// The name on the development server: without https, browsers reject the prefix.
const INSECURE_NAME: &str = "session";

fn name(settings: &SessionCookie) -> &'static str {
    if settings.is_secure {
        NAME
    } else {
        INSECURE_NAME
    }
}

/// Returns the value of every session cookie in the request. One that is not ASCII is returned as an empty text, which is
/// no token. Other cookies may contain any bytes.
pub(crate) fn values<'a>(
    request: &'a Request,
    settings: &SessionCookie,
) -> impl Iterator<Item = &'a str> {
    let name = name(settings).as_bytes();
    let headers = request.headers().get_all(COOKIE).into_iter();
    let pairs = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
        Some(str::from_utf8(value).unwrap_or_default())
    })
}

/// Returns the `Set-Cookie` header that stores `token` for `lifetime`.
///
/// # Errors
/// [`Error::Internal`] if the token is no text that a header may contain.
pub(crate) fn store(
    settings: &SessionCookie,
    token: &str,
    lifetime: Duration,
) -> Result<HeaderValue, Error> {
    header(settings, token, lifetime)
}

/// Returns the `Set-Cookie` header that deletes the cookie.
///
/// # Errors
/// The errors of [`store`], which cannot occur without a token.
pub(crate) fn clear(settings: &SessionCookie) -> Result<HeaderValue, Error> {
    header(settings, "", Duration::ZERO)
}

fn header(settings: &SessionCookie, value: &str, lifetime: Duration) -> Result<HeaderValue, Error> {
    let (name, seconds) = (name(settings), lifetime.as_secs());
    let secure = if settings.is_secure { " Secure;" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly;{secure} SameSite=Lax; Max-Age={seconds}");
    let mut header = HeaderValue::try_from(text).map_err(Error::internal)?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::Request as Builder;

    use super::*;

    const fn settings(is_secure: bool) -> SessionCookie {
        SessionCookie {
            is_secure,
            origins: Vec::new(),
        }
    }

    #[test]
    fn the_cookie_is_found_among_others_by_its_exact_name() {
        for (header, expected) in [
            ("__Host-session=a.b.c", vec!["a.b.c"]),
            ("x=1; __Host-session=a;y=2", vec!["a"]),
            ("x=\u{fc}\u{202e}; __Host-session=a", vec!["a"]),
            ("__Host-session=a; __Host-session=b", vec!["a", "b"]),
            ("__Host-session=", vec![""]),
            ("__Host-session=\"a\"", vec!["\"a\""]),
            ("__Host-session=a=b", vec!["a=b"]),
            ("__host-session=a; __HOST-SESSION=b", vec![]),
            ("session=a; __Secure-session=b; x__Host-session=c", vec![]),
            (
                "__Host-session; __Host-session-x=a; =__Host-session",
                vec![],
            ),
            ("", vec![]),
        ] {
            let request = Builder::builder().header(COOKIE, header);
            let request = request.body(lambda_http::Body::Empty).expect("a request");
            let found: Vec<_> = values(&request, &settings(true)).collect();
            assert_eq!(found, expected, "{header}");
        }
    }

    #[test]
    fn the_prefix_and_secure_go_together() {
        let stored = |is_secure| {
            let header = store(&settings(is_secure), "a.b.c", Duration::from_mins(1));
            header.expect("a header")
        };
        assert_eq!(
            stored(true),
            "__Host-session=a.b.c; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            stored(false),
            "session=a.b.c; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            clear(&settings(true)).expect("a header"),
            "__Host-session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0"
        );
        assert!(store(&settings(true), "a\nb", Duration::ZERO).is_err());
    }
}
