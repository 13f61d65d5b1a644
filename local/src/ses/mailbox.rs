//! The mailbox of the development server: every mail that was sent, as a page and as JSON.

use askama::Template as _;
use http_body_util::Full;
use hyper::{
    Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{Mail, SentMails};
use crate::http_server::{Response, empty_response};

/// The path of the page.
pub const PAGE: &str = "/_local/";
/// The path of the JSON list.
const LIST: &str = "/_local/mails";

/// The page loads nothing and runs no script. The same applies to the sandboxed frames that show the HTML of mails.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Returns true if `path` belongs to the mailbox.
pub(crate) fn serves(path: &str) -> bool {
    path == PAGE || path == LIST
}

/// Handles a request to the mailbox; `None` if it does not support the method.
pub(crate) fn handle(method: &Method, path: &str, mails: &SentMails) -> Option<Response> {
    match (method, path) {
        (&Method::GET, PAGE) => {
            let page = Page {
                mails: &mails.all(),
            }
            .render()
            .ok()?;
            Some(with_body("text/html; charset=utf-8", page))
        }
        (&Method::GET, LIST) => {
            let list = serde_json::to_string(&mails.all()).ok()?;
            Some(with_body("application/json", list))
        }
        (&Method::DELETE, LIST) => {
            mails.clear();
            Some(empty_response(StatusCode::NO_CONTENT))
        }
        _ => None,
    }
}

fn with_body(media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Full::from(body));
    for (name, value) in [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[derive(askama::Template)]
#[template(path = "mailbox.html")]
struct Page<'a> {
    mails: &'a [Mail],
}

/// A part of a mail's text: a link, or plain text.
struct TextPart<'a> {
    text: &'a str,
    is_link: bool,
}

/// Splits `text` into links and plain text.
fn split_links(text: &str) -> impl Iterator<Item = TextPart<'_>> {
    text.split_inclusive(char::is_whitespace).flat_map(|word| {
        let end = word.trim_end().len();
        let (word, space) = word.split_at(end);
        let is_link = word.starts_with("https://") || word.starts_with("http://");
        [
            TextPart {
                text: word,
                is_link,
            },
            TextPart {
                text: space,
                is_link: false,
            },
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "local-000001".to_owned(),
            to: vec!["<b>@example.com".to_owned()],
            from: "Latchkey <no-reply@latchkey.example>".to_owned(),
            subject: "<script>alert(1)</script>".to_owned(),
            text: "Open https://app.example/reset?token=49v-6b\nor \"ignore\" <this>".to_owned(),
            html: "<p title=\"x\">Hello</p><script>alert(2)</script>".to_owned(),
            sent_at: "2026-01-31T12:00:00Z".to_owned(),
        }
    }

    #[test]
    fn the_page_escapes_mails_and_frames_their_html() {
        let page = Page { mails: &[mail()] }.render().expect("a page");
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<b>@"), "{page}");
        assert!(
            page.contains(r#"<a href="https://app.example/reset?token=49v-6b""#),
            "{page}"
        );
        assert!(
            page.contains("&#60;p title=&#34;x&#34;&#62;Hello"),
            "{page}"
        );
    }

    #[test]
    fn an_empty_mailbox_has_a_note() {
        assert!(
            Page { mails: &[] }
                .render()
                .expect("a page")
                .contains("No mail yet")
        );
    }

    #[test]
    fn splitting_links_keeps_every_character() {
        let text = "a  http://x y\n";
        assert_eq!(
            split_links(text).map(|part| part.text).collect::<String>(),
            text
        );
        assert_eq!(
            split_links(text)
                .filter(|part| part.is_link)
                .map(|part| part.text)
                .collect::<Vec<_>>(),
            ["http://x"]
        );
    }
}
