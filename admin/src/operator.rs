//! The identity of the operator, as records of changes name it.

use std::net::IpAddr;

use aws_sdk_sts::Client;

use crate::error::Error;

/// The name of an operator of the local server, who has no AWS identity.
const LOCAL: &str = "local";

/// The source of the operator's identity.
pub(crate) enum Operator {
    /// The local server, which knows no identities.
    Local,
    /// AWS, by the credentials that the command uses.
    Aws(Client),
}

impl Operator {
    /// Returns the ARN of the operator's AWS identity, or `local`. Every AWS identity may ask STS for its own.
    pub(crate) async fn name(&self) -> Result<String, Error> {
        let client = match self {
            Self::Local => return Ok(LOCAL.to_owned()),
            Self::Aws(client) => client,
        };
        let identity = client.get_caller_identity().send().await.map_err(|error| {
            let what = "nothing was done: the change could not be recorded, since STS did not return your AWS identity";
            Error::new(what, &error)
        })?;
        let arn = identity.arn.filter(|arn| !arn.is_empty());
        arn.ok_or_else(|| {
            Error::message(
                "nothing was done: the change could not be recorded, since STS returned no ARN of your AWS identity",
            )
        })
    }
}

/// Returns true if `endpoint` is plain http on this machine, such as the local server.
pub(crate) fn is_loopback(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_plain_http_on_this_machine_is_local() {
        for endpoint in [
            "http://127.0.0.1:8000",
            "http://127.1.2.3/",
            "http://localhost:8000/x",
            "http://LOCALHOST",
            "http://[::1]:8000",
        ] {
            assert!(is_loopback(endpoint), "{endpoint}");
        }
        for endpoint in [
            "https://127.0.0.1:8000",
            "http://0.0.0.0:8000",
            "http://dynamodb:8000",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1:8000@example.com",
            "http://[2001:db8::1]:8000",
        ] {
            assert!(!is_loopback(endpoint), "{endpoint}");
        }
    }
}
