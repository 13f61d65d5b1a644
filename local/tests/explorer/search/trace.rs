//! Runs as text.

use serde_json::Value;

use super::{CallId, Step};
use crate::world::World;

/// The calls of a run as text.
pub fn trace(world: &World, path: &[Step]) -> String {
    let lines: Vec<_> = path.iter().map(|step| line(world, step)).collect();
    lines.join("\n")
}

fn line(world: &World, step: &Step) -> String {
    let call = world.call(step.call);
    let keys: Vec<_> = call.keys.iter().map(|(_, key)| key.as_str()).collect();
    let result = match world.reply(step.reply) {
        Some((200, _)) => "done".to_owned(),
        Some((_, body)) => {
            let body: Value = serde_json::from_str(&body).unwrap();
            let kind = body["__type"].as_str().unwrap_or_default();
            let kind = kind.rsplit('#').next().unwrap_or_default();
            let message = body.get("message").or(body.get("Message"));
            format!(
                "{kind} {}",
                message.and_then(Value::as_str).unwrap_or_default()
            )
        }
        None => "no response".to_owned(),
    };
    let fault = step.fault.map(|fault| format!(" [{fault:?}]"));
    format!(
        "{} {} {} {}: {result}{}",
        write_order(&[step.id]),
        call.function,
        call.operation,
        keys.join(" "),
        fault.unwrap_or_default()
    )
}

/// The name of a process in orders.
pub fn letter(process: usize) -> char {
    ['A', 'B', 'C', 'R', 'P'][process]
}

/// An order as text, such as `A0 B0 A1`.
pub fn write_order(order: &[CallId]) -> String {
    let calls: Vec<_> = order
        .iter()
        .map(|(process, number)| format!("{}{number}", letter(*process)))
        .collect();
    calls.join(" ")
}
