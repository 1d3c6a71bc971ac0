//! `shoal-micro`: the micro guest. It stands in for QEMU in tests of the mesh, never in claims about VMs.
//!
//! One process is one VM: its RAM is the RAM file, its only vCPU a thread that runs the workload of lab guests
//! (`shoal-workload`: same commands and answers on every channel and on the console), its device state a few hundred
//! bytes. Command line and monitor are those that the agent uses with QEMU (`agent/src/edge/vmm`). Not like a real
//! guest: ticks have a thread of their own, so they go on while the vCPU waits for a page.
//!
//! Exit codes: 0 after `quit` or a powerdown; 1 when it cannot start or an incoming migration failed; 70 by a fault
//! switch (`fault.rs`).

mod args;
mod device_state;
mod fault;
mod guest;
mod ledger;
mod machine;
mod memory;
mod migration;
mod monitor;
mod ports;
mod qmp;

use crate::args::Args;
use crate::fault::Faults;
use crate::guest::Guest;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::monitor::Monitor;
use crate::ports::Ports;
use std::fs;
use std::sync::Arc;

fn main() {
    // A broken invariant ends the whole VM, as a failed assertion ends QEMU, and not only the thread that met it.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    if let Err(sentence) = run() {
        eprintln!("shoal-micro: {sentence}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let args = Args::parse(std::env::args().skip(1))?;
    let faults = Faults::from_env()?;
    fs::write(&args.pid_file, format!("{}\n", std::process::id()))
        .map_err(|error| format!("{}: {error}", args.pid_file))?;
    let memory = Arc::new(Memory::map(&args.ram, args.memory_mib)?);
    let ports = Arc::new(Ports::default());
    let guest = Guest::start(
        memory.clone(),
        &args.name,
        ports.clone(),
        Ledger::from_env(&args.name)?,
    );
    ports::listen(&ports, &guest, &args.console, &args.channels)?;
    let monitor = Arc::new(Monitor::default());
    let qmp = args.qmp.clone();
    let machine = Machine::new(args, faults, guest, memory, monitor.clone());
    machine.power_on();
    // Last: who sees the monitor's socket finds everything else in place.
    monitor::serve(
        &qmp,
        &monitor,
        |command, arguments| qmp::execute(&machine, command, arguments),
        |command| qmp::answered(&machine, command),
    )
}
