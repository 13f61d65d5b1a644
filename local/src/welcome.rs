//! The start-up text: the addresses of the server, and a first request.

use std::{
    io::{self, Write},
    path::Path,
};

use local::{CONSOLE, Server};

use crate::style::Style;

/// The width of the first column.
const LABEL: usize = 10;

/// Writes the text.
pub(crate) fn write(
    out: &mut impl Write,
    style: Style,
    server: &Server,
    data: Option<&Path>,
) -> io::Result<()> {
    let api = format!("http://{}", server.address());
    let has_pages = server.environment("pages").is_some();
    let tables: Vec<&str> = server
        .template()
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let data = match data {
        Some(file) => file.display().to_string(),
        None => format!("in memory {}", style.faint("(--data FILE keeps them)")),
    };
    let link = |path: &str, note: &str| {
        let link = style.link(&format!("{api}{path}"));
        format!("{link}{}", style.faint(note))
    };
    let dynamodb = style.link(&format!("http://{}", server.dynamodb_address()));
    let rows = [
        ("API", Some(link("", ""))),
        ("Pages", has_pages.then(|| link("/sign_up", ""))),
        (
            "Console",
            Some(link(CONSOLE, " (mails, requests, time, faults)")),
        ),
        (
            "DynamoDB",
            Some(format!(
                "{dynamodb}{}",
                style.faint(&format!(" ({})", tables.join(", ")))
            )),
        ),
        ("Data", Some(data)),
    ];
    let title = style.strong("Latchkey is running.");
    writeln!(out, "{title} Press Ctrl-C to stop it.")?;
    writeln!(out)?;
    for (label, value) in rows {
        if let Some(value) = value {
            let space = " ".repeat(LABEL.saturating_sub(label.len()));
            writeln!(out, "  {}{space}{value}", style.strong(label))?;
        }
    }
    writeln!(out)?;
    writeln!(out, "Sign up:")?;
    writeln!(out)?;
    writeln!(
        out,
        r#"  curl -s {api}/auth/signup -d '{{"username": "jc123", "email": "john@example.com", "password": "seven-green-bicycles"}}'"#
    )?;
    writeln!(out)?;
    out.flush()
}
