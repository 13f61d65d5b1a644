//! The page and its files.

use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::http_server::{Response, body};

const PAGE: &str = include_str!("../../assets/console.html");
/// The style of the hosted pages, and what the console adds to it.
const STYLE: &str = concat!(
    include_str!("../../../functions/pages/assets/layout.css"),
    include_str!("../../../functions/pages/assets/forms.css"),
    include_str!("../../../functions/pages/assets/account.css"),
    include_str!("../../assets/console.css"),
);
/// Name, media type and content of each file.
const FILES: [(&str, &str, &str); 5] = [
    ("console.css", "text/css; charset=utf-8", STYLE),
    (
        "console.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/console.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../../functions/pages/assets/icon.svg"),
    ),
    (
        "openapi.yaml",
        "application/yaml",
        include_str!("../../../openapi.yaml"),
    ),
    (
        "reference.js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/reference.js"),
    ),
];

/// The page.
pub(super) fn page() -> Response {
    file("text/html; charset=utf-8", PAGE)
}

/// The file of this name.
pub(super) fn find(name: &str) -> Option<Response> {
    let (_, media_type, content) = FILES.into_iter().find(|(file, ..)| *file == name)?;
    Some(file(media_type, content))
}

/// A response with this content.
pub(super) fn file(media_type: &'static str, content: &'static str) -> Response {
    let mut response = Response::new(body(content));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
