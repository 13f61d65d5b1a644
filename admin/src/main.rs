//! The command line for operators, who have rights to the tables in AWS or run the local server. Never prints a secret.

mod audit;
mod check;
mod command_line;
mod confirm;
mod connection;
mod error;
mod keys;
mod limits;
mod mails;
mod operator;
mod report;
mod restore;
mod scan;
mod server_clock;
mod sessions;
mod smoke;
mod superuser;
mod user;
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

/// Exits with 0 on success, with 1 on failure or if the operator has something to fix, and with 2 on a usage error, which
/// includes a change that could not be confirmed.
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
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(command_line: CommandLine) -> Result<Report, Error> {
    let context = Context::connect(&command_line.tables).await?;
    match command_line.command {
        Command::User(command) => user::run(&context, &command).await,
        Command::Superuser(command) => superuser::run(&context, &command).await,
        Command::Sessions(SessionsCommand::List { user }) => sessions::list(&context, &user).await,
        Command::Sessions(SessionsCommand::End(args)) => user::sign_out(&context, &args).await,
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
        Command::Limits(LimitsCommand::Show { target }) => limits::show(&context, &target).await,
        Command::Limits(LimitsCommand::Clear { target }) => limits::clear(&context, &target).await,
        Command::Audit(args) => audit::run(&context, &args).await,
        Command::Smoke(args) => smoke::run(&context, &args).await,
        Command::Check(args) => check::run(&context, &args).await,
        Command::Restore(args) => restore::run(&context, &args).await,
    }
}
