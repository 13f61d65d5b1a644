//! The operator's command line: what a person with rights to the tables does to a Latchkey, in AWS or on this machine.
//! Says what it did in a sentence, and never shows a secret.

mod command_line;
mod connection;
mod failure;
mod keys;
mod limits;
mod mails;
mod report;
mod restore;
mod scan;
mod sessions;
mod smoke;
mod superuser;
mod whom;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

use crate::{
    command_line::{
        Command, CommandLine, KeysCommand, LimitsCommand, MailsCommand, SessionsCommand,
    },
    connection::Admin,
    failure::Failure,
    report::Report,
};

/// 0: done, and all is well. 1: it could not be done, or something is wrong. 2, from clap: the command is not understood.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let json = command_line.json;
    match run(command_line).await {
        Ok(report) => {
            // Whoever reads may have stopped, which is no reason to fail: what was asked for is done.
            let _ = writeln!(io::stdout(), "{}", report.shown(json));
            ExitCode::from(u8::from(!report.is_good))
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command_line: CommandLine) -> Result<Report, Failure> {
    let admin = Admin::connect(&command_line.place).await?;
    match command_line.command {
        Command::Superuser { change, whom } => superuser::run(&admin, change, &whom).await,
        Command::Sessions(SessionsCommand::End { whom }) => sessions::end(&admin, &whom).await,
        Command::Keys(KeysCommand::Show) => keys::show(&admin).await,
        Command::Keys(KeysCommand::Rotate {
            session_days,
            force,
        }) => keys::rotate(&admin, session_days, force).await,
        Command::Mails(MailsCommand::Show(which)) => mails::show(&admin, &which).await,
        Command::Mails(MailsCommand::Replay(which)) => mails::replay(&admin, &which).await,
        Command::Limits(LimitsCommand::Clear { what }) => limits::clear(&admin, &what).await,
        Command::Smoke { api } => smoke::run(&admin, &api).await,
        Command::Restore { table, mend, again } => restore::run(&admin, &table, mend, again).await,
    }
}
