//! The start-up text: the addresses of the server, and a first request.

use std::{
    io::{self, Write},
    path::Path,
};

use local::{MAILBOX, Server};

/// Writes the text.
pub(crate) fn write(out: &mut impl Write, server: &Server, data: Option<&Path>) -> io::Result<()> {
    let api = format!("http://{}", server.address());
    let tables: Vec<&str> = server
        .template()
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    let data = data.map_or("in memory; keep them with --data FILE".to_owned(), |file| {
        file.display().to_string()
    });
    writeln!(out, "Latchkey is running. Press Ctrl-C to stop it.")?;
    writeln!(out)?;
    writeln!(out, "  API       {api}")?;
    writeln!(out, "  Pages     {api}/sign_up")?;
    writeln!(out, "  Mailbox   {api}{MAILBOX}")?;
    writeln!(
        out,
        "  DynamoDB  http://{} ({})",
        server.dynamodb_address(),
        tables.join(", ")
    )?;
    writeln!(out, "  Data      {data}")?;
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
