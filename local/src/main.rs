//! `cargo run`: starts the development server, prints its addresses, and stops it on Ctrl-C.

// In a release build all functions are compiled here, and their futures are nested deeper than the compiler's limit of 128.
#![recursion_limit = "256"]

mod browser;
mod command_line;
mod style;
mod welcome;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;
use local::{CONSOLE, REQUEST_LOG, Server, StartError, functions::REGISTRY};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{self, MissedTickBehavior},
};
use tracing::Level;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{command_line::CommandLine, style::Style};

/// The time between two deletions of expired items. DynamoDB deletes them within days; a long period keeps code from
/// relying on the deletion.
const SWEEP_PERIOD: Duration = Duration::from_mins(10);

#[tokio::main]
async fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    init_logging(command_line.log_level);
    match run(command_line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let style = Style::new(io::stderr().is_terminal());
            eprintln!("{} {error}", style.error("error:"));
            if let Some(options) = error.free_ports() {
                let command = command_line::with_options(&options);
                eprintln!("\nStop the program that uses it, or run beside it:\n\n  {command}\n");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(command_line: CommandLine) -> Result<(), StartError> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let (data, opens_console) = (command_line.data.clone(), command_line.open);
    let server = Server::start(command_line.into_options()).await?;
    // A closed standard output does not prevent the server from running.
    let mut out = io::stdout().lock();
    let style = Style::new(out.is_terminal());
    let _ = welcome::write(&mut out, style, &server, data.as_deref());
    drop(out);
    if opens_console
        && let Err(problem) = browser::open(&format!("http://{}{CONSOLE}", server.address()))
    {
        tracing::warn!("{problem}");
    }
    tokio::select! {
        () = sweep(&server) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.stop().await;
    Ok(())
}

/// Deletes expired items periodically, without end.
async fn sweep(server: &Server) {
    let mut ticks = time::interval(SWEEP_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match server.sweep().await {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "deleted expired items"),
            Err(error) => tracing::warn!(%error, "could not delete expired items"),
        }
    }
}

/// Logs to standard error: this project's crates at `level`, every request, and warnings of libraries. The embedded
/// DynamoDB logs only errors, because it warns about every failed condition. `shared::lambda` logs every response at
/// `info`, as the request log does, and is therefore limited to warnings unless `level` is more verbose.
fn init_logging(level: Level) {
    let own_crates = REGISTRY
        .iter()
        .map(|(name, _)| *name)
        .chain(["local", "shared"]);
    let targets = own_crates.fold(Targets::new().with_default(Level::WARN), |targets, name| {
        targets.with_target(name, level)
    });
    let response_level = if level > Level::INFO {
        level
    } else {
        Level::WARN
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(Style::new(io::stderr().is_terminal()).has_colors())
        .with_target(false)
        .compact();
    tracing_subscriber::registry()
        .with(lines)
        .with(
            targets
                .with_target("shared::lambda", response_level)
                .with_target(REQUEST_LOG, Level::INFO)
                .with_target("dynoxide", Level::ERROR),
        )
        .init();
}
