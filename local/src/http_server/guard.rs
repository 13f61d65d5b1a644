//! The guard of every local interface but the API itself: the console, DynamoDB, SES and the Runtime API check no credentials, so
//! web pages must not reach them. A page that a developer happens to visit can send requests to this machine.

use std::net::IpAddr;

use hyper::{
    header::{HOST, HeaderMap, ORIGIN},
    http::uri::Authority,
};

/// The names under which this machine is known to itself and to its containers. Any other name may belong to a web page
/// that lets it resolve to this machine (DNS rebinding); an IP address cannot.
const OWN_NAMES: [&str; 2] = ["localhost", "host.docker.internal"];

/// Returns true if a web page of another origin may have sent the request, or a page under a foreign host name.
///
/// Browsers add `Origin` to every request that a page can send to another origin, except those whose response it cannot read
/// and that change nothing (Fetch Standard, "`Origin` header"). The AWS SDKs and curl never send it.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    let header = |name: &str| {
        let value = headers.get(name);
        value.map(|value| value.to_str().unwrap_or(""))
    };
    let host = header(HOST.as_str()).unwrap_or_default();
    let is_own_origin = |origin: &str| origin == format!("http://{host}");
    !is_own(host)
        || header(ORIGIN.as_str()).is_some_and(|origin| !is_own_origin(origin))
        || is_embedded(header("sec-fetch-site"), header("sec-fetch-mode"))
}

/// Returns true if a page of another origin loads the response, as an image or a frame, for example. It cannot read the response, but
/// would keep the server busy. A link to the console is followed: that is a navigation, and changes nothing without `Origin`.
fn is_embedded(site: Option<&str>, mode: Option<&str>) -> bool {
    let is_foreign = site.is_some_and(|site| !["same-origin", "none"].contains(&site));
    is_foreign && mode != Some("navigate")
}

/// Returns true if `host` is an IP address or one of this machine's own names, with or without a port.
fn is_own(host: &str) -> bool {
    let Some(authority) = host
        .parse::<Authority>()
        .ok()
        .filter(|_| !host.contains('@'))
    else {
        return false;
    };
    let name = authority.host().to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() || OWN_NAMES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn is_foreign_with(headers: &[(&str, &str)]) -> bool {
        let request = headers
            .iter()
            .fold(Request::post("/"), |request, (name, value)| {
                request.header(*name, *value)
            });
        is_foreign(request.body(()).expect("a request").headers())
    }

    #[test]
    fn only_own_names_and_addresses_are_hosts() {
        for own in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:8000",
            "[::1]:8000",
            "172.17.0.1:8000",
            "host.docker.internal:8000",
        ] {
            assert!(!is_foreign_with(&[("host", own)]), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "a@localhost",
            "a b",
        ] {
            assert!(is_foreign_with(&[("host", foreign)]), "{foreign}");
        }
        assert!(is_foreign_with(&[]));
    }

    #[test]
    fn pages_of_other_origins_are_foreign() {
        let host = ("host", "127.0.0.1:8000");
        for origin in [
            "http://localhost:5175",
            "http://127.0.0.1:3000",
            "https://127.0.0.1:8000",
            "null",
            "",
        ] {
            assert!(is_foreign_with(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!is_foreign_with(&[
            host,
            ("origin", "http://127.0.0.1:8000")
        ]));
        let (site, mode) = ("sec-fetch-site", "sec-fetch-mode");
        for from in ["cross-site", "same-site"] {
            assert!(is_foreign_with(&[host, (site, from), (mode, "no-cors")]));
            assert!(!is_foreign_with(&[host, (site, from), (mode, "navigate")]));
        }
        for from in ["same-origin", "none"] {
            assert!(!is_foreign_with(&[host, (site, from), (mode, "cors")]));
        }
    }
}
