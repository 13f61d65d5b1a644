//! A browser with a cookie jar, as far as the session cookie needs one.

use std::sync::Mutex;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{
    app::{PASSWORD, TestApp},
    paths::{LOG_IN, SIGN_UP},
    response::Response,
};

/// The header by which a browser states the relation between a page and the API.
pub const SITE: &str = "sec-fetch-site";

/// A page of the API's own origin, with the cookies of its browser.
pub struct Browser<'a> {
    app: &'a TestApp,
    /// The cookie as in the header `Cookie`.
    cookie: Mutex<Option<String>>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        let cookie = Mutex::default();
        Self { app, cookie }
    }

    /// The session cookie as in the header `Cookie`; `None` if the browser has none.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    /// A request with the cookie and the browser's own headers.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.app.request(method, path).header(SITE, "same-origin");
        if let Some(cookie) = self.cookie() {
            request = request.header("cookie", cookie);
        }
        request
    }

    /// Sends a request, and stores or deletes the cookie as the response says.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let response = self.app.send(request).await;
        if let Some(set) = set_cookie(&response) {
            let (cookie, attributes) = set.split_once("; ").unwrap();
            let is_deleted = attributes.ends_with("Max-Age=0");
            *self.cookie.lock().unwrap() = (!is_deleted).then(|| cookie.to_owned());
        }
        response
    }

    /// The response to a request without a body.
    pub async fn call(&self, method: &str, path: &str) -> Response {
        self.send(self.request(method, path)).await
    }

    /// The response to a request with this body.
    pub async fn call_with(&self, method: &str, path: &str, body: &Value) -> Response {
        self.send(self.request(method, path).json(body)).await
    }

    /// Signs up `name` with [`PASSWORD`], and returns the response.
    pub async fn sign_up(&self, name: &str) -> Response {
        let response = self.call_with("POST", SIGN_UP, &sign_up_body(name)).await;
        assert_eq!(response.status, 201, "{response:?}");
        response
    }

    /// Logs `name` in with [`PASSWORD`], and returns the response.
    pub async fn log_in(&self, name: &str) -> Response {
        let response = self.call_with("POST", LOG_IN, &log_in_body(name)).await;
        assert_eq!(response.status, 200, "{response:?}");
        response
    }
}

/// The body of a sign-up.
pub fn sign_up_body(name: &str) -> Value {
    json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD})
}

/// The body of a log-in.
pub fn log_in_body(name: &str) -> Value {
    json!({"username": name, "password": PASSWORD})
}

/// The only `Set-Cookie` header of a response.
pub fn set_cookie(response: &Response) -> Option<&str> {
    let count = response.headers.get_all("set-cookie").iter().count();
    assert!(count <= 1, "{response:?}");
    response.header("set-cookie")
}
