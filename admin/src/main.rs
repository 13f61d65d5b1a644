//! The command line for operators, who have rights to the tables in AWS or run the local server. Never prints a secret.

mod check;
mod command_line;
mod connection;
mod error;
mod keys;
mod limits;
mod mails;
mod report;
mod restore;
mod scan;
mod server_clock;
mod sessions;
mod smoke;
mod superuser;
mod user_ref;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;

use crate::{
    command_line::{
        Command, CommandLine, KeysCommand, LimitsCommand, MailsCommand, SessionsCommand, Tokens,
    },
    connection::Context,
    error::Error,
    report::Report,
};

/// Exits with 0 on success, with 1 on failure or if the operator has something to fix, and with 2 (from clap) on a
/// usage error.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let json = command_line.json;
    match run(command_line).await {
        Ok(report) => {
            // The reader may have closed the pipe. The command itself has succeeded.
            let _ = writeln!(io::stdout(), "{}", report.render(json));
            ExitCode::from(u8::from(!report.is_success))
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command_line: CommandLine) -> Result<Report, Error> {
    let context = Context::connect(&command_line.tables).await?;
    match command_line.command {
        Command::Superuser { change, user } => superuser::run(&context, change, &user).await,
        Command::Sessions(SessionsCommand::End { user }) => sessions::end(&context, &user).await,
        Command::Keys(KeysCommand::Show) => keys::show(&context).await,
        Command::Keys(KeysCommand::Rotate {
            session_days,
            tokens,
            access_token_seconds,
            force,
        }) => {
            let lifetime = match tokens {
                Tokens::Session => Duration::from_hours(u64::from(session_days) * 24),
                Tokens::Access => Duration::from_secs(u64::from(access_token_seconds)),
            };
            keys::rotate(&context, tokens, lifetime, force).await
        }
        Command::Keys(KeysCommand::Revoke { kid }) => keys::revoke(&context, &kid).await,
        Command::Mails(MailsCommand::Show(filter)) => mails::show(&context, &filter).await,
        Command::Mails(MailsCommand::Replay(filter)) => mails::replay(&context, &filter).await,
        Command::Limits(LimitsCommand::Clear { target }) => limits::clear(&context, &target).await,
        Command::Smoke(args) => smoke::run(&context, &args).await,
        Command::Check(args) => check::run(&context, &args).await,
        Command::Restore(args) => restore::run(&context, &args).await,
    }
}
