//! The commands and their options.
#![expect(
    clippy::doc_markdown,
    reason = "a terminal shows these comments, as they stand"
)]

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{limits::Limited, whom::Whom};

/// Latchkey's command line for operators: against AWS, or with --endpoint-url against the local server.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the tables are.
#[derive(Args)]
pub(crate) struct Place {
    /// DynamoDB elsewhere than in AWS, such as the local server's http://127.0.0.1:8000; with plain http no credentials are needed
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_DYNAMODB"
    )]
    pub(crate) endpoint_url: Option<String>,
    /// Profile of the AWS configuration [default: as for every AWS tool]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// AWS region [default: as for every AWS tool]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Table of users: the stack's output UsersTableName [default: UsersTable]
    #[arg(long, global = true, value_name = "NAME", env = "USERS_TABLE")]
    pub(crate) users_table: Option<String>,
    /// Table of mails, reset tokens and counters: the output TransientTableName [default: TransientTable]
    #[arg(long, global = true, value_name = "NAME", env = "TRANSIENT_TABLE")]
    pub(crate) transient_table: Option<String>,
    /// Table of signing keys: the output KeysTableName [default: KeysTable]
    #[arg(long, global = true, value_name = "NAME", env = "KEYS_TABLE")]
    pub(crate) keys_table: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a user a superuser, or take that away
    Superuser {
        #[arg(value_enum)]
        change: Change,
        /// E-mail, username or id (id:… and username:… tell a number from a name)
        whom: Whom,
    },
    /// Where a user is signed in
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// The keys that session tokens are signed with
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The mails that were asked for
    #[command(subcommand)]
    Mails(MailsCommand),
    /// What was counted against a user or a source address
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Go through a user's journey at a deployed address, as a new user who is removed again
    Smoke {
        /// Address of the API: the stack's output ApiUrl
        #[arg(value_name = "API URL")]
        api: String,
    },
    /// Prepare a restored table of users, before anything reads it: end every session, kill every link, check markers
    Restore {
        /// The restored table; not the one in use
        #[arg(value_name = "TABLE")]
        table: String,
        /// Make missing markers and remove stray ones
        #[arg(long)]
        mend: bool,
        /// Go on with a table of which a part is prepared already: an earlier run was interrupted
        #[arg(long)]
        again: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Change {
    Grant,
    Revoke,
}

#[derive(Subcommand)]
pub(crate) enum SessionsCommand {
    /// Sign a user out everywhere, and make mailed links dead; the password stays
    End {
        /// E-mail, username or id (id:… and username:… tell a number from a name)
        whom: Whom,
    },
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Show the public keys and what each is for
    Show,
    /// Publish a new key, which signs an hour from now; the old one verifies until its last token has expired
    Rotate {
        /// Days that a session may live at most; more than the parameter SessionDays does no harm
        #[arg(long, env = "SESSION_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=90))]
        session_days: u16,
        /// Also if a key is already waiting for its turn
        #[arg(long)]
        force: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum MailsCommand {
    /// Show how far mails got
    Show(Which),
    /// Queue mails once more that failed or were never sent
    Replay(Which),
}

/// Which mails.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Those of the user with this e-mail, username or id
    pub(crate) whom: Option<Whom>,
    /// Those of everybody that failed, and those that still wait a day after they were asked for
    #[arg(long)]
    pub(crate) failed: bool,
}

#[derive(Subcommand)]
pub(crate) enum LimitsCommand {
    /// Forget it, so that the next try is served
    Clear {
        /// IP address, e-mail or username
        #[arg(value_name = "SOURCE, E-MAIL OR USERNAME")]
        what: Limited,
    },
}
