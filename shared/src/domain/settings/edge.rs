//! The settings of a proxy in front of API Gateway.

use super::environment::{Environment, Error};

/// A trusted proxy in front of API Gateway, such as CloudFront, that reports client addresses.
#[derive(Clone)]
pub struct Edge {
    /// SHA-256 hashes, in hex, of the secrets that the proxy may send: one, or two while the secret is replaced. The
    /// secrets themselves are in no environment variable.
    pub secret_hashes: Vec<String>,
    /// Name of the header with the client's address, with or without a port.
    pub address_header: String,
    /// True if requests without the secret are rejected.
    pub is_required: bool,
}

impl Edge {
    pub(super) fn read(environment: &Environment) -> Result<Option<Self>, Error> {
        let hashes = ["EDGE_SECRET_HASH", "EDGE_SECRET_HASH_NEXT"];
        let secret_hashes: Vec<_> = hashes
            .into_iter()
            .filter_map(|name| environment.optional(name))
            .collect();
        let is_required: bool = environment.parsed("REQUIRE_EDGE")?;
        if secret_hashes.is_empty() {
            // Otherwise the functions would accept everything that they are meant to reject, or reject everything.
            return if is_required {
                Err(Error {
                    name: "REQUIRE_EDGE",
                    problem: "is true without EDGE_SECRET_HASH".to_owned(),
                })
            } else {
                Ok(None)
            };
        }
        let address_header = environment.text("CLIENT_ADDRESS_HEADER")?;
        // API Gateway appends the address of its peer, which is the edge: all clients would share its counters.
        if address_header.eq_ignore_ascii_case("x-forwarded-for") {
            return Err(Error {
                name: "CLIENT_ADDRESS_HEADER",
                problem: "X-Forwarded-For ends with the address of the edge itself, which API Gateway appends; have the \
                          edge send the client's address in a header of its own"
                    .to_owned(),
            });
        }
        Ok(Some(Self {
            secret_hashes,
            address_header,
            is_required,
        }))
    }

    /// Returns true if a secret with this SHA-256 hash is the edge's.
    #[must_use]
    pub fn has_secret(&self, hash: &str) -> bool {
        self.secret_hashes.iter().any(|known| known == hash)
    }
}
