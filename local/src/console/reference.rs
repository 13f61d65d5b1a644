//! The API reference: openapi.yaml, shown by Scalar, with a form for each operation.

use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::assets;
use crate::http_server::{Response, body};

/// The policy of the page. Scalar sets the styles of its elements. Nothing is loaded from another server, nor sent to one.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The page.
pub(super) fn page() -> Response {
    assets::file(
        "text/html; charset=utf-8",
        include_str!("../../assets/reference.html"),
    )
}

/// Scalar.
pub(super) fn scalar() -> Option<Response> {
    let script = scalar_api_reference::get_asset("scalar.js")?;
    let mut response = Response::new(body(script));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    Some(response)
}
