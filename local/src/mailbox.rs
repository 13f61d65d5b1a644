//! The mailbox: what was sent, as JSON for tests and as a page for people. Local only.

use askama::Template as _;
use http_body_util::Full;
use hyper::{
    Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::{
    listener::{self, Answer},
    ses::{Mail, Mails},
};

/// Where the page is.
pub const PAGE: &str = "/_local/";
/// Where the list is.
const LIST: &str = "/_local/mails";

/// Nothing is loaded and no script runs. A mail's own HTML stands in a sandboxed frame, to which this applies as well.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Whether `path` is one of the mailbox's.
pub(crate) fn owns(path: &str) -> bool {
    path == PAGE || path == LIST
}

/// The answer of the mailbox, if it has one for this method and path.
pub(crate) fn answer(method: &Method, path: &str, mails: &Mails) -> Option<Answer> {
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
            Some(listener::empty(StatusCode::NO_CONTENT))
        }
        _ => None,
    }
}

fn with_body(media_type: &'static str, body: String) -> Answer {
    let mut answer = Answer::new(Full::from(body));
    for (name, value) in [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[derive(askama::Template)]
#[template(path = "mailbox.html")]
struct Page<'a> {
    mails: &'a [Mail],
}

/// A piece of a mail's text, which is a link or is not.
struct Piece<'a> {
    text: &'a str,
    is_link: bool,
}

/// `text` in pieces, so that what begins with `http` can be clicked.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split_inclusive(char::is_whitespace).flat_map(|word| {
        let end = word.trim_end().len();
        let (word, space) = word.split_at(end);
        let is_link = word.starts_with("https://") || word.starts_with("http://");
        [
            Piece {
                text: word,
                is_link,
            },
            Piece {
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
    fn the_page_escapes_everything_and_frames_the_html() {
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
    fn an_empty_mailbox_says_so() {
        assert!(
            Page { mails: &[] }
                .render()
                .expect("a page")
                .contains("No mail yet")
        );
    }

    #[test]
    fn pieces_lose_nothing() {
        let text = "a  http://x y\n";
        assert_eq!(
            pieces(text).map(|piece| piece.text).collect::<String>(),
            text
        );
        assert_eq!(
            pieces(text)
                .filter(|piece| piece.is_link)
                .map(|piece| piece.text)
                .collect::<Vec<_>>(),
            ["http://x"]
        );
    }
}
