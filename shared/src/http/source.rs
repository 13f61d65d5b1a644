//! Where a request comes from: what API Gateway saw of the connection, never what a header claims.

use std::net::IpAddr;

use lambda_http::{Request, RequestExt as _, request::RequestContext};

/// The source address for counting: IPv4 whole; of IPv6 the first 64 bits, since one customer has all the others.
#[must_use]
pub fn source(request: &Request) -> String {
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    group_source(address.unwrap_or_default())
}

/// What `address` is counted under.
#[must_use]
pub fn group_source(address: &str) -> String {
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
    use super::*;

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
        assert_eq!(
            group_source("2001:db8:1:2::1"),
            group_source("2001:db8:1:2:ffff::9")
        );
        assert_ne!(
            group_source("2001:db8:1:2::1"),
            group_source("2001:db8:1:3::1")
        );
        assert_eq!(group_source("::ffff:192.0.2.1"), group_source("192.0.2.1"));
        assert_eq!(group_source("nonsense"), "unknown");
    }
}
