//! The mails that were sent: the list, and the HTML of one for a frame.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use url::form_urlencoded;

use crate::{
    http_server::{Response, body},
    ses::{Mail, SentMails},
};

/// The policy of a mail's HTML: as in a mail program, it runs no script, sends no form and loads nothing. Its links open new
/// windows without these limits.
pub(super) const POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
     style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'";

/// The mails, newest first; with `to` in the query only those to this address, in whatever case.
pub(super) fn to(mails: &SentMails, query: Option<&str>) -> Vec<Mail> {
    let mut all = mails.all();
    let parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    for (_, address) in parameters.filter(|(name, _)| name == "to") {
        all.retain(|mail| mail.to.iter().any(|to| to.eq_ignore_ascii_case(&address)));
    }
    all
}

/// The HTML of the mail with this id. Its links open in new windows, since the frame around it may not be left.
pub(super) fn html(mails: &SentMails, id: &str) -> Option<Response> {
    let mail = mails.all().into_iter().find(|mail| mail.id == id)?;
    let mut response = Response::new(body(with_base(&mail.html)));
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Some(response)
}

/// Adds the target of links to the head of `html`, which begins with a document type that must remain first.
fn with_base(html: &str) -> String {
    const HEAD: &str = "<head>";
    const BASE: &str = r#"<base target="_blank">"#;
    match html.split_once(HEAD) {
        Some((before, after)) => format!("{before}{HEAD}{BASE}{after}"),
        None => format!("{html}{BASE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_open_new_windows() {
        let base = r#"<base target="_blank">"#;
        assert_eq!(
            with_base("<!doctype html><head><title>a</title>"),
            format!("<!doctype html><head>{base}<title>a</title>")
        );
        assert_eq!(with_base("<p>a</p>"), format!("<p>a</p>{base}"));
    }
}
