//! The source address of a request, as reported by API Gateway. A header is trusted only from an edge, such as
//! CloudFront, that sends the shared secret.

use std::net::IpAddr;

use lambda_http::{Request, RequestExt as _, request::RequestContext};

use crate::domain::{digest::sha256_hex, settings::Edge};

/// The header with the secret of the edge.
const EDGE_SECRET_HEADER: &str = "x-edge-secret";

/// The source address of a request, for rate limits: the [`source_group`] of the client's address.
#[must_use]
pub fn source(request: &Request, edge: Option<&Edge>) -> String {
    if let Some(edge) = edge
        && header(request, EDGE_SECRET_HEADER)
            .is_some_and(|secret| sha256_hex(secret.as_bytes()) == edge.secret_hash)
        && let Some(address) = header(request, &edge.address_header)
    {
        return source_group(without_port(address));
    }
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    source_group(address.unwrap_or_default())
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Removes the port, which `CloudFront-Viewer-Address` appends to the address, without brackets even for IPv6.
fn without_port(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, _)) if host.parse::<IpAddr>().is_ok() => host,
        _ => address,
    }
}

/// The group under which `address` is counted: the address itself for IPv4, and the network of 64 bits for IPv6, since
/// one customer usually has a whole network. `unknown` for anything else.
#[must_use]
pub fn source_group(address: &str) -> String {
    match address
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::Request as Builder;

    use super::*;

    #[test]
    fn the_header_is_trusted_only_with_the_secret() {
        let edge = Edge {
            secret_hash: sha256_hex(b"secret"),
            address_header: "cloudfront-viewer-address".to_owned(),
        };
        let source_of = |secret: &str, address: &str| {
            let request = Builder::builder()
                .header(EDGE_SECRET_HEADER, secret)
                .header("CloudFront-Viewer-Address", address);
            source(
                &request.body(lambda_http::Body::Empty).unwrap(),
                Some(&edge),
            )
        };
        assert_eq!(source_of("secret", "192.0.2.1:443"), "192.0.2.1");
        assert_eq!(
            source_of("secret", "2001:db8:1:2::9:46532"),
            "2001:db8:1:2::/64"
        );
        assert_eq!(source_of("secret", "192.0.2.1"), "192.0.2.1");
        assert_eq!(source_of("guess", "192.0.2.1:443"), "unknown");
        assert_eq!(source_of("", "192.0.2.1:443"), "unknown");
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
