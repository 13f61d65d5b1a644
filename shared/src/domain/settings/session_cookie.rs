//! The settings of the cookie mode, in which browsers keep the session token in a cookie.

use super::environment::{Environment, Error};

/// The cookie that contains a session token, and the origins whose pages may use it.
#[derive(Clone)]
pub struct SessionCookie {
    /// True for a cookie that browsers keep and send by https only. False only on the development server, which has no
    /// https.
    pub is_secure: bool,
    /// The origins of the pages that may call the API, as a browser sends them in `Origin`.
    pub origins: Vec<String>,
}

impl SessionCookie {
    /// Reads the settings; `None` if session tokens are in the `Authorization` header only.
    pub(super) fn read(environment: &Environment) -> Result<Option<Self>, Error> {
        let name = "SESSION_COOKIE";
        let is_secure = match environment.text(name)?.as_str() {
            "false" => return Ok(None),
            "true" => true,
            "insecure" => false,
            other => {
                return Err(Error {
                    name,
                    problem: format!("{other:?} is neither true nor false nor insecure"),
                });
            }
        };
        let origins = environment.optional("CORS_ORIGINS").unwrap_or_default();
        let origins = origins.split(',').filter(|origin| !origin.is_empty());
        Ok(Some(Self {
            is_secure,
            origins: origins.map(str::to_owned).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mode: &str, origins: &str) -> Result<Option<(bool, Vec<String>)>, String> {
        let (mode, origins) = (mode.to_owned(), origins.to_owned());
        let lookup = move |name: &str| match name {
            "SESSION_COOKIE" => Some(mode.clone()),
            _ => Some(origins.clone()),
        };
        let settings = SessionCookie::read(&Environment(&lookup));
        let settings = settings.map_err(|error| error.to_string())?;
        Ok(settings.map(|settings| (settings.is_secure, settings.origins)))
    }

    #[test]
    fn the_cookie_is_off_secure_or_insecure() {
        assert_eq!(read("false", "https://a.example"), Ok(None));
        assert_eq!(read("true", ""), Ok(Some((true, vec![]))));
        let origins = ["https://a.example", "https://b.example"];
        let origins = origins.map(str::to_owned).to_vec();
        let both = read("insecure", "https://a.example,https://b.example");
        assert_eq!(both, Ok(Some((false, origins))));
        for unknown in ["", "yes", "True"] {
            assert!(read(unknown, "").is_err(), "{unknown}");
        }
    }
}
