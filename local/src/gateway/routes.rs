//! Routes of API Gateway: method and path must match exactly, without percent-decoding.

use crate::template::{Function, Route};

/// The routes of every function.
pub(super) struct Routes(Vec<(Route, String)>);

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteMatch<'a> {
    pub route: &'a Route,
    /// The name of the function's binary.
    pub function: &'a str,
    /// The names and raw values of the path parameters.
    pub parameters: Vec<(&'a str, &'a str)>,
}

impl Routes {
    /// The routes of `functions`.
    pub(super) fn new(functions: &[Function]) -> Self {
        let routes = functions.iter().flat_map(|function| {
            function
                .routes
                .iter()
                .map(|route| (route.clone(), function.binary.clone()))
        });
        Self(routes.collect())
    }

    /// The route for `method` and `path`. As in API Gateway, a route without path parameters has priority over one with
    /// them, and a route with a method over one with `ANY`.
    pub(super) fn find<'a>(&'a self, method: &str, path: &'a str) -> Option<RouteMatch<'a>> {
        let candidates = self.0.iter().filter_map(|(route, function)| {
            let is_method = route.method == method || route.method == "ANY";
            let parameters = is_method.then(|| parameters(&route.path, path)).flatten()?;
            Some(RouteMatch {
                route,
                function,
                parameters,
            })
        });
        candidates.min_by_key(|found| (found.parameters.len(), found.route.method == "ANY"))
    }
}

/// The path parameters of `path`; `None` if it does not match `pattern`.
fn parameters<'a>(pattern: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut found = Vec::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) if !segment.is_empty() => found.push((name, segment)),
            None if segment == expected => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let routes = [
            ("GET", "/api/users/{id}", "get_user"),
            ("PATCH", "/api/users/update_details", "update_details"),
            ("POST", "/api/passwords/reset_password", "reset_password"),
            ("GET", "/api/users/me", "me"),
            ("ANY", "/any", "any"),
            ("GET", "/any", "any_get"),
        ];
        let route = |method: &str, path: &str| Route {
            method: method.to_owned(),
            path: path.to_owned(),
        };
        Routes(
            routes
                .iter()
                .map(|(method, path, function)| (route(method, path), (*function).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_route_matches_its_exact_method_and_path() {
        let routes = routes();
        for (method, path, function, parameter) in [
            ("GET", "/api/users/21", "get_user", Some(("id", "21"))),
            ("GET", "/api/users/2%32", "get_user", Some(("id", "2%32"))),
            ("GET", "/api/users/a%2Fb", "get_user", Some(("id", "a%2Fb"))),
            ("GET", "/api/users/..", "get_user", Some(("id", ".."))),
            (
                "GET",
                "/api/users/update_details",
                "get_user",
                Some(("id", "update_details")),
            ),
            ("GET", "/api/users/me", "me", None),
            ("PATCH", "/api/users/update_details", "update_details", None),
            (
                "POST",
                "/api/passwords/reset_password",
                "reset_password",
                None,
            ),
            ("DELETE", "/any", "any", None),
            ("GET", "/any", "any_get", None),
        ] {
            let found = routes
                .find(method, path)
                .unwrap_or_else(|| panic!("no route for {method} {path}"));
            assert_eq!(found.function, function, "{method} {path}");
            assert_eq!(
                found.parameters.first().copied(),
                parameter,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn other_methods_and_paths_have_no_route() {
        let routes = routes();
        for (method, path) in [
            ("GET", "/api/users/"),
            ("GET", "/api/users/21/"),
            ("GET", "/api/users//21"),
            ("GET", "//api/users/21"),
            ("GET", "/api//users/21"),
            ("GET", "/API/users/21"),
            ("GET", "/api/users"),
            ("GET", "/api/%75sers/21"),
            ("get", "/api/users/21"),
            ("HEAD", "/api/users/21"),
            ("OPTIONS", "/api/users/21"),
            ("POST", "/api/users/21"),
            ("PATCH", "/api/users/21"),
            ("PATCH", "/api/users/update_details/"),
            ("PATCH", "/api/users/Update_details"),
            ("GET", "/"),
            ("GET", ""),
            ("OPTIONS", "*"),
        ] {
            assert_eq!(routes.find(method, path), None, "{method} {path}");
        }
    }
}
