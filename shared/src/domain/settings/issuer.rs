//! The issuer of access tokens.

use super::environment::{Environment, Error};

/// The default of version 0.1.0, when `ISSUER` was the claim of session tokens.
const FORMER_ISSUER: &str = "latchkey";

/// Reads the issuer: a URL to which verifiers append `/.well-known/openid-configuration`.
pub(super) fn read(environment: &Environment) -> Result<Option<String>, Error> {
    let issuer = environment
        .optional("ISSUER")
        .filter(|issuer| issuer != FORMER_ISSUER);
    let is_url = |issuer: &str| {
        let host = ["https://", "http://"]
            .iter()
            .find_map(|scheme| issuer.strip_prefix(scheme));
        host.is_some_and(|host| !host.is_empty() && !host.ends_with('/'))
    };
    match issuer {
        Some(issuer) if !is_url(&issuer) => Err(Error {
            name: "ISSUER",
            problem: format!("{issuer:?} is not a URL without a slash at its end"),
        }),
        issuer => Ok(issuer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_url_to_which_a_path_can_be_appended() {
        let read = |issuer: &str| {
            let issuer = issuer.to_owned();
            let lookup = move |_: &str| Some(issuer.clone());
            super::read(&Environment(&lookup)).ok()
        };
        for unset in ["", "latchkey"] {
            assert_eq!(read(unset), Some(None), "{unset}");
        }
        for url in ["https://id.example.com", "http://127.0.0.1:3000"] {
            assert_eq!(read(url), Some(Some(url.to_owned())));
        }
        for invalid in ["example", "https://", "https://id.example.com/", "ftp://x"] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
    }
}
