//! The commands and their options.
#![expect(
    clippy::doc_markdown,
    reason = "clap prints these comments as plain text"
)]

mod user;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::domain::clock::Timestamp;

pub(crate) use self::user::{FindArgs, RoleArgs, SetEmailArgs, TargetArgs, UserCommand};
use crate::{
    audit::parse_since, confirm::Confirmation, connection::TableArgs, limits::LimitTarget,
    user_ref::UserRef,
};

/// Command line for operators of Latchkey. Works on AWS or, with --endpoint-url, on the local server.
#[derive(Parser)]
#[command(version)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) tables: TableArgs,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show, find and change users
    #[command(subcommand)]
    User(UserCommand),
    /// Grant or revoke superuser rights, or list the superusers
    #[command(subcommand)]
    Superuser(SuperuserCommand),
    /// Manage a user's sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Manage the keys that sign session tokens and access tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show mails and their delivery state, or queue them again
    #[command(subcommand)]
    Mails(MailsCommand),
    /// Show or reset the counters of a user or a source address
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// List what operators changed by this command line, newest first
    ///
    /// A change of one user is recorded together with the change itself. clear_limits, repair_addresses, replay_mails,
    /// restore, revoke_key and rotate_keys are recorded before the change, which may have been interrupted.
    Audit(AuditArgs),
    /// Test a deployed API with a new user, and remove that user afterwards
    ///
    /// Signs up, logs in, reads and changes the user, changes the password and the e-mail address, requests a password
    /// reset, waits until its mail is sent, and deletes the account. Following the mail, and removing the user if a step fails, need
    /// the names of the tables.
    Smoke(SmokeArgs),
    /// Survey the table of users, such as before an upgrade
    ///
    /// Lists, by id, the users whose names or address today's rules would refuse, whose canonical address is other than
    /// today's Unicode tables compute it, and who cannot be found by e-mail address or username. Reads the whole table, and
    /// says first what that costs.
    Check(CheckArgs),
    /// Prepare a restored table of users before it goes into use
    ///
    /// Removes the users who were deleted after the backup, by the table of audit records. Ends every session, invalidates every reset link, lists the superusers and checks that each user can be found by
    /// e-mail address and username. Running it again is safe.
    Restore(RestoreArgs),
}

#[derive(Args)]
pub(crate) struct SmokeArgs {
    /// Address of the API: the stack's output ApiUrl
    #[arg(value_name = "API URL")]
    pub(crate) api: String,
    /// Seconds to wait until the reset mail is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) mail_timeout: u64,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Only say what reading the table costs
    #[arg(long)]
    pub(crate) estimate: bool,
    /// Move users to today's canonical form of their address, unless another user has it
    #[arg(long, conflicts_with = "estimate")]
    pub(crate) repair: bool,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags are independent of each other"
)]
#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// Name of the restored table
    #[arg(value_name = "TABLE")]
    pub(crate) table: String,
    /// Create missing markers and delete orphaned ones (a marker maps an e-mail address or a username to its user)
    #[arg(long)]
    pub(crate) repair: bool,
    /// Continue after an interrupted run, when only a part of the table is prepared
    #[arg(long)]
    pub(crate) resume: bool,
    /// Prepare the table although the records of deletions are lost; users who were deleted after the backup come back
    #[arg(long)]
    pub(crate) without_deletions: bool,
    /// Prepare a table that is already in use; signs out everyone who has signed in since
    #[arg(long)]
    pub(crate) in_use: bool,
    /// File with the ids of users whose password must not work any more, one id a line (- reads standard input);
    /// these users have to reset their password
    #[arg(long, value_name = "FILE")]
    pub(crate) void_passwords: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct AuditArgs {
    /// Only changes of this user: e-mail address, username or id; id:… also for a user who was deleted
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<UserRef>,
    /// Only changes since this date (2026-01-31, midnight UTC) or time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<Timestamp>,
}

#[derive(Subcommand)]
pub(crate) enum SuperuserCommand {
    /// Let a user read every user's record
    Grant {
        /// E-mail address, username or id; write id:… or username:… for a username made of digits
        user: UserRef,
        /// Grant it although the user's address is not verified
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Take the rights of a superuser away
    Revoke {
        /// E-mail address, username or id; write id:… or username:… for a username made of digits
        user: UserRef,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// List the superusers; reads the whole table of users
    List,
}

#[derive(Subcommand)]
pub(crate) enum SessionsCommand {
    /// List a user's sessions, newest first
    List {
        /// E-mail address, username or id; write id:… or username:… for a username made of digits
        user: UserRef,
    },
    /// Sign a user out everywhere; the same as "user sign-out"
    End(TargetArgs),
}

/// The kinds of tokens, each with its own keys.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tokens {
    /// Session tokens, which this API accepts
    Session,
    /// Access tokens, which other services accept
    Access,
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Show the public keys of session tokens and access tokens and the state of each
    Show,
    /// Publish a new key that signs three hours from now; the old key verifies until its last token has expired
    Rotate {
        /// Longest lifetime of a session in days; must not be less than the parameter SessionDays
        #[arg(long, env = "SESSION_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=90))]
        session_days: u16,
        /// Tokens that the new key signs
        #[arg(long, value_enum, default_value_t = Tokens::Session)]
        tokens: Tokens,
        /// Longest lifetime of an access token in seconds; must not be less than the parameter AccessTokenSeconds
        #[arg(long, env = "ACCESS_TOKEN_SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u16).range(60..=3600))]
        access_token_seconds: u16,
        /// Rotate even if a published key has not started to sign yet
        #[arg(long)]
        force: bool,
    },
    /// Remove a key that has leaked, so that its tokens are rejected within a minute
    ///
    /// Users with such a token have to log in again. If it is the key that signs, a new one signs at once, and a next key
    /// that has not started to sign is removed as well, since it is stored beside the one that leaked.
    Revoke {
        /// Id of the key, as "keys show" prints it
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum MailsCommand {
    /// Show mails with their delivery state
    Show(MailFilter),
    /// Queue mails again that failed or were never sent
    Replay(MailFilter),
}

/// The mails that a command is about.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct MailFilter {
    /// All mails of the user with this e-mail address, username or id
    pub(crate) user: Option<UserRef>,
    /// All users' mails that failed, or are still queued ten minutes after the request
    #[arg(long)]
    pub(crate) failed: bool,
}

#[derive(Subcommand)]
pub(crate) enum LimitsCommand {
    /// Show what is counted, and until when it makes requests wait
    Show {
        /// IP address, e-mail address or username
        #[arg(value_name = "SOURCE, E-MAIL OR USERNAME")]
        target: LimitTarget,
    },
    /// Reset the counters, so that the next request is served
    Clear {
        /// IP address, e-mail address or username
        #[arg(value_name = "SOURCE, E-MAIL OR USERNAME")]
        target: LimitTarget,
    },
}
