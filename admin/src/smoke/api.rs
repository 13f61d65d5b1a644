//! Requests to the API, sent with the HTTP client that comes with the SDK. Redirects are not followed.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{http::HttpConnector as _, orchestrator::HttpRequest};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;

use crate::{connection::connector, error::Error};

/// Bound on one request. API Gateway itself gives up after 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);

/// A deployed API.
pub(crate) struct Api {
    base: String,
    connector: Connector,
}

/// A response of the API.
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    /// `Null` if the body is empty or not JSON.
    body: Value,
    /// The header `Set-Cookie`.
    cookie: Option<String>,
}

impl ApiResponse {
    /// Returns the value at `pointer` (RFC 6901) in the body, `Null` if there is none.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Returns the session token that the response sets as a cookie (`SessionCookie=true`).
    pub(crate) fn session_cookie(&self) -> Option<&str> {
        let pair = self.cookie.as_deref()?.split(';').next()?;
        let (name, token) = pair.split_once('=')?;
        name.ends_with("session").then_some(token)
    }
}

impl Api {
    pub(crate) fn new(base: &str) -> Result<Self, Error> {
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Error::message(
                "the address of the API must begin with https:// or http://",
            ));
        }
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            connector: connector(),
        })
    }

    /// Sends a request to `route`: method and path, as template.yaml writes it.
    pub(crate) async fn call(
        &self,
        route: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<ApiResponse, Error> {
        let failed = |problem: &dyn std::error::Error| {
            Error::new(&format!("{route} got no response"), problem)
        };
        let request = self
            .request(route, token, body)
            .map_err(|error| failed(&error))?;
        let call = tokio::time::timeout(TIMEOUT, self.connector.call(request)).await;
        let response = call
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let cookie = response.headers().get("set-cookie").map(str::to_owned);
        let body = ByteStream::new(response.into_body()).collect().await;
        let body = body.map_err(|error| failed(&error))?.into_bytes();
        Ok(ApiResponse {
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            cookie,
        })
    }

    fn request(
        &self,
        route: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<HttpRequest, aws_smithy_runtime_api::http::HttpError> {
        let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut request = HttpRequest::new(SdkBody::from(text));
        request.set_method(method)?;
        request.set_uri(format!("{}{path}", self.base))?;
        let headers = request.headers_mut();
        headers.try_insert("user-agent", "latchkey-admin-smoke")?;
        // With `SessionCookie=true`, a session is only started for a page of an allowed origin.
        headers.try_insert("sec-fetch-site", "same-origin")?;
        if body.is_some() {
            headers.try_insert("content-type", "application/json")?;
        }
        if let Some(token) = token {
            headers.try_insert("authorization", format!("Bearer {token}"))?;
        }
        Ok(request)
    }
}
