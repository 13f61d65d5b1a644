//! The source address of a request, as reported by API Gateway. A header is trusted only from an edge, such as
//! CloudFront, that sends the shared secret.

use std::net::IpAddr;

use lambda_http::{Request, RequestExt as _, request::RequestContext};

use super::Error;
use crate::domain::{digest::sha256_hex, settings::Edge};

/// The header with the secret of the edge.
const EDGE_SECRET_HEADER: &str = "x-edge-secret";

/// Rejects a request that did not come through the edge, if the settings require it.
///
/// # Errors
/// [`Error::NotFromEdge`] without the edge's secret.
pub fn check_edge(request: &Request, edge: Option<&Edge>) -> Result<(), Error> {
    match edge {
        Some(edge) if edge.is_required && !is_from(edge, request) => Err(Error::NotFromEdge),
        _ => Ok(()),
    }
}

/// The source address of a request, for rate limits: the [`source_group`] of the client's address. If the edge gives no
/// address that can be read, the address that API Gateway saw counts, so that clients never share one counter by mistake.
#[must_use]
pub fn source(request: &Request, edge: Option<&Edge>) -> String {
    if let Some(edge) = edge
        && is_from(edge, request)
    {
        let value = header(request, &edge.address_header);
        if let Some(address) = value.and_then(client_address) {
            return group(address);
        }
        tracing::warn!(
            header = edge.address_header,
            is_missing = value.is_none(),
            "the edge sent no readable client address; the address that API Gateway saw is counted"
        );
    }
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    source_group(address.unwrap_or_default())
}

fn is_from(edge: &Edge, request: &Request) -> bool {
    header(request, EDGE_SECRET_HEADER)
        .is_some_and(|secret| edge.has_secret(&sha256_hex(secret.as_bytes())))
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Reads the address in a header: alone, with a port, in brackets, with a zone, or as the parameter `for` (RFC 7239).
///
/// Of a list, the last entry counts: it is the one that the edge added, while clients can send earlier ones themselves.
fn client_address(value: &str) -> Option<IpAddr> {
    let entry = value.rsplit(',').next()?.trim();
    let parameter = entry.split(';').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let address = parameter.unwrap_or(entry).trim_matches('"');
    if let Some(rest) = address.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let is_port = |port: &str| port.strip_prefix(':').is_some_and(is_number);
        return (port.is_empty() || is_port(port)).then(|| without_zone(host))?;
    }
    // `CloudFront-Viewer-Address` has the port after the last colon, without brackets even for IPv6.
    match address.rsplit_once(':') {
        Some((host, port)) if is_number(port) => {
            without_zone(host).or_else(|| without_zone(address))
        }
        _ => without_zone(address),
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// Parses an address without its zone (RFC 4007, section 11), which has a meaning only on the machine that wrote it.
fn without_zone(address: &str) -> Option<IpAddr> {
    address.split('%').next()?.parse().ok()
}

/// The group under which `address` is counted: the address itself for IPv4, and the network of 64 bits for IPv6, since
/// one customer usually has a whole network. `unknown` for anything else.
#[must_use]
pub fn source_group(address: &str) -> String {
    address.parse().map_or_else(|_| "unknown".to_owned(), group)
}

fn group(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{
        aws_lambda_events::apigw::{
            ApiGatewayV2httpRequestContext, ApiGatewayV2httpRequestContextHttpDescription,
        },
        http::Request as Builder,
    };

    use super::*;

    fn edge(is_required: bool) -> Edge {
        Edge {
            secret_hashes: vec![sha256_hex(b"secret"), sha256_hex(b"next secret")],
            address_header: "cloudfront-viewer-address".to_owned(),
            is_required,
        }
    }

    /// A request that API Gateway received from 203.0.113.9.
    fn request(secret: &str, address: &str) -> Request {
        let request = Builder::builder()
            .header(EDGE_SECRET_HEADER, secret)
            .header("CloudFront-Viewer-Address", address);
        let mut http = ApiGatewayV2httpRequestContextHttpDescription::default();
        http.source_ip = Some("203.0.113.9".to_owned());
        let mut context = ApiGatewayV2httpRequestContext::default();
        context.http = http;
        let request = request.body(lambda_http::Body::Empty).unwrap();
        request.with_request_context(RequestContext::ApiGatewayV2(context))
    }

    fn source_of(secret: &str, address: &str) -> String {
        source(&request(secret, address), Some(&edge(false)))
    }

    #[test]
    fn the_header_is_trusted_only_with_a_secret() {
        assert_eq!(source_of("secret", "192.0.2.1:443"), "192.0.2.1");
        assert_eq!(source_of("next secret", "192.0.2.1:443"), "192.0.2.1");
        assert_eq!(source_of("guess", "192.0.2.1:443"), "203.0.113.9");
        assert_eq!(source_of("", "192.0.2.1:443"), "203.0.113.9");
    }

    #[test]
    fn a_required_edge_is_checked() {
        for (secret, is_accepted) in [
            ("secret", true),
            ("next secret", true),
            ("guess", false),
            ("", false),
        ] {
            let request = request(secret, "192.0.2.1");
            assert_eq!(
                check_edge(&request, Some(&edge(true))).is_ok(),
                is_accepted,
                "{secret}"
            );
            assert!(check_edge(&request, Some(&edge(false))).is_ok());
            assert!(check_edge(&request, None).is_ok());
        }
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:443", "192.0.2.1"),
            (" 192.0.2.1 ", "192.0.2.1"),
            ("2001:db8:1:2::9:46532", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9%eth0]:443", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80:0:0:0::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("198.51.100.7, 192.0.2.1", "192.0.2.1"),
            ("nonsense,192.0.2.1:80", "192.0.2.1"),
            ("for=192.0.2.1", "192.0.2.1"),
            (
                "For=198.51.100.7, proto=https; for=\"[2001:db8:1:2::9]:443\"",
                "2001:db8:1:2::/64",
            ),
        ] {
            assert_eq!(source_of("secret", value), expected, "{value}");
        }
    }

    #[test]
    fn an_unreadable_address_is_that_of_the_gateway() {
        for value in [
            "",
            "nonsense",
            "unknown",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "[2001:db8::1]:",
            "192.0.2.1:x",
            "192.0.2.256",
            "192.0.2.1,",
            "for=_hidden",
            "192.0.2.1/24",
        ] {
            assert_eq!(source_of("secret", value), "203.0.113.9", "{value}");
        }
    }

    #[test]
    fn ipv6_addresses_are_grouped_by_network() {
        assert_eq!(
            source_group("2001:db8:1:2::1"),
            source_group("2001:db8:1:2:ffff::9")
        );
        assert_ne!(
            source_group("2001:db8:1:2::1"),
            source_group("2001:db8:1:3::1")
        );
        assert_eq!(source_group("::ffff:192.0.2.1"), source_group("192.0.2.1"));
        assert_eq!(source_group("nonsense"), "unknown");
    }
}
