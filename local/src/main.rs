//! `cargo run`: starts the development server, says where everything is, and stops it on Ctrl-C.

mod command_line;
mod welcome;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;
use local::{REQUEST_LOG, Server, StartError, functions::REGISTRY};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{self, MissedTickBehavior},
};
use tracing::Level;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::command_line::CommandLine;

/// DynamoDB deletes expired items within days; late enough here that nothing comes to rely on it.
const SWEEP_PERIOD: Duration = Duration::from_mins(10);

#[tokio::main]
async fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    log(command_line.log_level);
    match run(command_line).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command_line: CommandLine) -> Result<(), StartError> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let data = command_line.data.clone();
    let environment = command_line.environment.clone();
    let server = Server::start(command_line.into_options()).await?;
    if let Some(file) = environment {
        std::fs::write(file, environment_file(&server))?;
    }
    // Nobody may be reading, which is no reason not to serve.
    let _ = welcome::write(&mut io::stdout().lock(), &server, data.as_deref());
    tokio::select! {
        () = sweep(&server) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.stop().await;
    Ok(())
}

/// One variable a line. All functions find the same.
fn environment_file(server: &Server) -> String {
    let variables = server.environment("get_user").into_iter().flatten();
    variables.fold(String::new(), |file, (name, value)| {
        file + name + "=" + value + "\n"
    })
}

/// Deletes expired items now and then, for ever.
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

/// Logs to standard error: our own crates down to `level`, every request, and libraries from a warning upwards; the
/// embedded DynamoDB warns of every refused condition, which is an answer here. What Lambda's loop says of each answer
/// stands in the request log already, unless more detail is asked for.
fn log(level: Level) {
    let ours = REGISTRY
        .iter()
        .map(|(name, _)| *name)
        .chain(["local", "shared"]);
    let targets = ours.fold(Targets::new().with_default(Level::WARN), |targets, name| {
        targets.with_target(name, level)
    });
    let of_answers = if level > Level::INFO {
        level
    } else {
        Level::WARN
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .compact();
    tracing_subscriber::registry()
        .with(lines)
        .with(
            targets
                .with_target("shared::lambda", of_answers)
                .with_target(REQUEST_LOG, Level::INFO)
                .with_target("dynoxide", Level::ERROR),
        )
        .init();
}
