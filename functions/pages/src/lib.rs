//! The hosted pages: `GET /{page}` for people, `GET /pages/{asset}` for the style, the script and the icon that they share,
//! and `GET /.well-known/change-password`, by which password managers find the page that changes a password (W3C, "A
//! Well-Known URL for Changing Passwords").
//!
//! The pages contain nothing about a user. Their script calls the API as any other client does. A link in a mail has its
//! secret in the fragment of the URL, which browsers send to no server.

mod assets;
mod document;
mod headers;
mod texts;

use lambda_http::{
    Request, RequestExt as _,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, ETAG, LOCATION, VARY},
    },
};
use shared::{
    app::App,
    domain::{
        digest::sha256_hex,
        locale::{Language, Locale},
        settings::Settings,
    },
    http::{self, Error, Response},
    lambda::WarmUp,
};

use self::{
    assets::Assets,
    document::{Document, Page},
    texts::Texts,
};

/// Reads nothing.
pub const WARM_UP: WarmUp = WarmUp::Nothing;

/// Lets caches keep a page, if they ask at each use whether it is still the same.
const REVALIDATED: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Lets caches keep an asset for a year: another one has another name.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// API Gateway adds the caller's origin to the response if `CorsOrigins` allows it.
const BY_LANGUAGE_AND_ORIGIN: HeaderValue = HeaderValue::from_static("Accept-Language, Origin");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

const ASSET_ROUTE: &str = "GET /pages/{asset}";
const CHANGE_PASSWORD_ROUTE: &str = "GET /.well-known/change-password";
const ACCOUNT_PATH: HeaderValue = HeaderValue::from_static("/account");

/// Returns a page, an asset or a redirect, depending on the route.
///
/// # Errors
/// [`Error::Internal`] if a page cannot be rendered.
#[expect(
    clippy::unused_async,
    reason = "handlers are asynchronous; this one reads nothing"
)]
pub async fn handler(app: &App, request: Request) -> Result<Response, Error> {
    match http::route(&request) {
        CHANGE_PASSWORD_ROUTE => Ok(change_password()),
        ASSET_ROUTE => Ok(asset(&app.settings, &request)),
        _ => page(&app.settings, &request),
    }
}

/// Redirects to the page that changes a password.
fn change_password() -> Response {
    let mut response = http::no_content();
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, ACCOUNT_PATH);
    response
}

/// Returns an asset. One of an earlier or a later release, which a page of that release names while a release is rolled
/// out, is replaced by the present one, and not cached.
fn asset(settings: &Settings, request: &Request) -> Response {
    let assets = Assets::new(settings.mail.brand_color);
    let parameters = request.path_parameters();
    let name = parameters.first("asset").unwrap_or_default();
    let Some(asset) = assets.find(name) else {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        return http::text(StatusCode::NOT_FOUND, text, "Not Found\n".to_owned());
    };
    let media_type = HeaderValue::from_static(asset.media_type);
    let mut response = http::text(StatusCode::OK, media_type, asset.content.to_string());
    let headers = response.headers_mut();
    headers.extend(headers::for_assets());
    headers.insert(VARY, BY_ORIGIN);
    if asset.name() == name {
        headers.insert(CACHE_CONTROL, IMMUTABLE);
    }
    response
}

/// Renders a page in the reader's language; for an unknown path the page that says so.
fn page(settings: &Settings, request: &Request) -> Result<Response, Error> {
    let parameters = request.path_parameters();
    let page = Page::from_path(parameters.first("page").unwrap_or_default());
    let language = language(settings, request);
    let assets = Assets::new(settings.mail.brand_color);
    let document = Document::new(page, language, Texts::of(language), settings, &assets);
    let html = document.html().map_err(Error::internal)?;
    let etag = format!("\"{}\"", sha256_hex(html.as_bytes()));
    let is_known = page != Page::NotFound;
    let mut response = if is_known && is_same(http::if_none_match(request), &etag) {
        let mut response = http::no_content();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else if is_known {
        http::text(StatusCode::OK, HTML, html)
    } else {
        http::text(StatusCode::NOT_FOUND, HTML, html)
    };
    let headers = response.headers_mut();
    headers.extend(headers::for_pages(settings.logo_url.as_ref())?);
    headers.insert(VARY, BY_LANGUAGE_AND_ORIGIN);
    if is_known {
        headers.insert(CACHE_CONTROL, REVALIDATED);
        headers.insert(ETAG, HeaderValue::try_from(etag).map_err(Error::internal)?);
    }
    Ok(response)
}

/// Returns true if `If-None-Match` lists this entity tag, also as a weak one, or any (RFC 9110, section 13.1.2).
fn is_same(if_none_match: &str, etag: &str) -> bool {
    let mut tags = if_none_match.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The language that the browser prefers among those of the pages, or that of the settings.
fn language(settings: &Settings, request: &Request) -> Language {
    Locale::preferred(http::accept_language(request))
        .and_then(|locale| locale.language())
        .unwrap_or(settings.mail.default_language)
}
