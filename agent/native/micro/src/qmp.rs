//! The commands of the monitor: those that the agent sends (agent/src/edge/vmm), answered and refused like QEMU does.

use crate::machine::{Machine, RunState};
use crate::migration;
use crate::monitor::{Answer, Arguments, QmpError};
use serde_json::{Value, json};
use std::sync::Arc;

pub fn execute(machine: &Arc<Machine>, command: &str, arguments: &Arguments) -> Answer {
    let known: &[&str] = match command {
        "query-status" | "query-migrate" | "migrate_cancel" | "cont" | "stop"
        | "system_powerdown" | "quit" => &[],
        "announce-self" => &["initial", "max", "rounds", "step"],
        "migrate-set-capabilities" => &["capabilities"],
        "migrate-set-parameters" => return set_parameters(machine, arguments),
        "migrate-incoming" | "migrate" => &["uri"],
        "migrate-continue" => &["state"],
        _ => {
            return Err(QmpError {
                class: "CommandNotFound",
                desc: format!("The command {command} has not been found"),
            });
        }
    };
    if let Some(other) = arguments.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("Parameter '{other}' is unexpected").into());
    }
    match command {
        "query-status" => return Ok(status(machine.state())),
        "query-migrate" => return Ok(machine.migration.query(machine.memory.bytes())),
        "migrate-set-capabilities" => {
            let list = argument(arguments, "capabilities", "array", Value::as_array)?;
            machine.migration.set_capabilities(list)?;
        }
        "migrate-incoming" => migration::listen(machine, text(arguments, "uri")?)?,
        "migrate" => migration::start(machine, text(arguments, "uri")?)?,
        "migrate-continue" => machine.migration.go_on(text(arguments, "state")?)?,
        "migrate_cancel" => machine.migration.cancel(),
        "cont" => machine.cont()?,
        "stop" => machine.stop(),
        "announce-self" => announce(arguments)?,
        // Done by `answered`.
        _ => (),
    }
    Ok(json!({}))
}

/// What ends the process, and with it the monitor, waits until the command's answer is out.
pub fn answered(machine: &Arc<Machine>, command: &str) {
    match command {
        "quit" => machine.quit(),
        "system_powerdown" => machine.power_down(),
        _ => (),
    }
}

fn status(state: RunState) -> Value {
    json!({ "status": state.name(), "running": state == RunState::Running, "singlestep": false })
}

fn set_parameters(machine: &Machine, arguments: &Arguments) -> Answer {
    for (name, value) in arguments {
        machine.migration.set_parameter(name, value)?;
    }
    Ok(json!({}))
}

/// A micro guest has no network card that could announce anything; the arguments are judged all the same.
fn announce(arguments: &Arguments) -> Result<(), QmpError> {
    for name in ["initial", "max", "rounds", "step"] {
        argument(arguments, name, "integer", Value::as_u64)?;
    }
    Ok(())
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, QmpError> {
    argument(arguments, name, "string", Value::as_str)
}

fn argument<'a, T>(
    arguments: &'a Arguments,
    name: &str,
    kind: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, QmpError> {
    let value = arguments
        .get(name)
        .ok_or_else(|| QmpError::from(format!("Parameter '{name}' is missing")))?;
    read(value)
        .ok_or_else(|| format!("Invalid parameter type for '{name}', expected: {kind}").into())
}
