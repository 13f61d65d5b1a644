//! One request to the API, over the HTTP client that the SDK brings along. Not a browser: it follows nothing.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{http::HttpConnector as _, orchestrator::HttpRequest};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;

use crate::{connection::connector, failure::Failure};

/// An answer that takes longer is none: API Gateway itself gives up after 30 s.
const TIME: Duration = Duration::from_secs(35);

/// A deployed API.
pub(crate) struct Api {
    base: String,
    connector: Connector,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Null` if the body is empty or no JSON.
    body: Value,
}

impl Answer {
    /// What the body holds at `pointer` (RFC 6901); `Null` if nothing.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }
}

impl Api {
    pub(crate) fn at(base: &str) -> Result<Self, Failure> {
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Failure::said(
                "the address of the API must begin with https:// or http://",
            ));
        }
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            connector: connector(),
        })
    }

    /// `request` is method and path, as template.yaml writes routes.
    pub(crate) async fn call(
        &self,
        request: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let failed = |problem: &dyn std::error::Error| {
            Failure::of(&format!("{request} got no answer"), problem)
        };
        let request = self
            .request(request, token, body)
            .map_err(|error| failed(&error))?;
        let call = tokio::time::timeout(TIME, self.connector.call(request)).await;
        let response = call
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await;
        let body = body.map_err(|error| failed(&error))?.into_bytes();
        Ok(Answer {
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    fn request(
        &self,
        request: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<HttpRequest, aws_smithy_runtime_api::http::HttpError> {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut built = HttpRequest::new(SdkBody::from(text));
        built.set_method(method)?;
        built.set_uri(format!("{}{path}", self.base))?;
        let headers = built.headers_mut();
        headers.try_insert("user-agent", "latchkey-admin-smoke")?;
        if body.is_some() {
            headers.try_insert("content-type", "application/json")?;
        }
        if let Some(token) = token {
            headers.try_insert("authorization", format!("Token {token}"))?;
        }
        Ok(built)
    }
}
