//! The target's side: waits for one stream and loads it. QEMU ends when that fails, and so does the micro guest.

use super::stream::{Reader, Record, say_loaded, wrong};
use super::{Status, unix_path};
use crate::device_state::DeviceState;
use crate::fault;
use crate::machine::{Machine, RunState};
use crate::memory;
use crate::monitor::QmpError;
use crate::ports::bind;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

/// QMP `migrate-incoming`: listens when it returns.
pub fn listen(machine: &Arc<Machine>, uri: &str) -> Result<(), QmpError> {
    if machine.state() != RunState::Inmigrate {
        return Err("'-incoming' was not specified on the command line".into());
    }
    let path = unix_path(uri)?.to_owned();
    let migration = &machine.migration;
    if migration.now().incoming {
        return Err("The incoming migration has already been started".into());
    }
    let listener = bind(&path)?;
    migration.now().incoming = true;
    migration.shift(&[Status::None], Status::Setup);
    let machine = machine.clone();
    thread::spawn(move || {
        let stream = listener.accept().map(|(stream, _)| stream);
        drop(listener);
        // Somebody else may have cleaned up already.
        let _ = std::fs::remove_file(&path);
        machine.migration.shift(&[Status::Setup], Status::Active);
        if let Err(error) = stream.and_then(|stream| load(&machine, &stream)) {
            machine.migration.fail(&error.to_string());
            machine.give_up(&format!("load of migration failed: {error}"));
        }
    });
    Ok(())
}

fn load(machine: &Machine, stream: &UnixStream) -> io::Result<()> {
    let (mut reader, header) = Reader::begin(BufReader::new(stream))?;
    let (migration, memory) = (&machine.migration, &machine.memory);
    if header.ram_bytes != memory.bytes() as u64 {
        return Err(wrong(&format!(
            "the source's memory has {} bytes, ours {}",
            header.ram_bytes,
            memory.bytes()
        )));
    }
    if header.ignore_shared != migration.now().settings.ignore_shared {
        return Err(wrong(
            "Capability x-ignore-shared differs from the source's",
        ));
    }
    let mut devices = None;
    loop {
        match reader.record()? {
            Record::Page(page) => put(memory, page, reader.page.as_slice())?,
            Record::Devices(bytes) => {
                devices = Some(DeviceState::decode(&bytes).map_err(|fault| wrong(&fault))?);
            }
            Record::End => break,
        }
    }
    let state = devices.ok_or_else(|| wrong("the stream has no device state"))?;
    check_header(memory, &state)?;
    if machine.faults.die_on_load {
        fault::die("die-on-load");
    }
    machine
        .guest
        .restore(&state)
        .map_err(|fault| wrong(&fault))?;
    migration.now().moves = state.moves;
    machine.loaded();
    migration.shift(&[Status::Active], Status::Completed);
    if header.return_path {
        // A source that is gone by now asks its peer's agent, not this stream.
        let _ = say_loaded(stream);
    }
    Ok(())
}

fn put(memory: &memory::Memory, page: u64, bytes: &[u8]) -> io::Result<()> {
    match usize::try_from(page) {
        Ok(page) if page < memory.bytes() / bytes.len() => memory.copy_in(page, bytes),
        _ => Err(wrong(&format!("page {page} is outside of the memory"))),
    }
}

/// The one page that devices touch while they load: it must be of the very moment that the state is of.
fn check_header(memory: &memory::Memory, state: &DeviceState) -> io::Result<()> {
    let expected = memory::Header {
        moves: state.moves,
        work: state.engine.work,
        random: state.engine.random,
    };
    match memory.read_header() {
        Some(found) if found == expected => Ok(()),
        found => Err(wrong(&format!(
            "memory and device state are of different moments: {found:?}, {expected:?}"
        ))),
    }
}
