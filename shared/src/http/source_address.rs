//! Where a request comes from: what API Gateway saw of the connection. A header is believed only behind an edge, such as
//! CloudFront, that proves itself by a secret.

use std::net::IpAddr;

use lambda_http::{Request, RequestExt as _, request::RequestContext};

use crate::domain::{digest::sha256_hex, settings::Edge};

/// The header in which the edge gives its secret.
const EDGE_SECRET: &str = "x-edge-secret";

/// The source address for counting: IPv4 whole; of IPv6 the first 64 bits, since one customer has all the others.
#[must_use]
pub fn source(request: &Request, edge: Option<&Edge>) -> String {
    if let Some(edge) = edge
        && text(request, EDGE_SECRET)
            .is_some_and(|secret| sha256_hex(secret.as_bytes()) == edge.secret_hash)
        && let Some(address) = text(request, &edge.address_header)
    {
        return source_group(without_port(address));
    }
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    source_group(address.unwrap_or_default())
}

fn text<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// `CloudFront-Viewer-Address` gives the port behind the address, without brackets even for IPv6.
fn without_port(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, _)) if host.parse::<IpAddr>().is_ok() => host,
        _ => address,
    }
}

/// What `address` is counted under.
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
    fn a_header_is_believed_only_with_the_edges_secret() {
        let edge = Edge {
            secret_hash: sha256_hex(b"secret"),
            address_header: "cloudfront-viewer-address".to_owned(),
        };
        let from = |secret: &str, address: &str| {
            let request = Builder::builder()
                .header(EDGE_SECRET, secret)
                .header("CloudFront-Viewer-Address", address);
            source(
                &request.body(lambda_http::Body::Empty).unwrap(),
                Some(&edge),
            )
        };
        assert_eq!(from("secret", "192.0.2.1:443"), "192.0.2.1");
        assert_eq!(from("secret", "2001:db8:1:2::9:46532"), "2001:db8:1:2::/64");
        assert_eq!(from("secret", "192.0.2.1"), "192.0.2.1");
        assert_eq!(from("guess", "192.0.2.1:443"), "unknown");
        assert_eq!(from("", "192.0.2.1:443"), "unknown");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
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
