//! The source's side: one thread a migration, from `migrate` to `postmigrate` or back to running.
//!
//! Pre-copy goes by rounds as QEMU's does: everything that is not zero first, then what was written meanwhile, until
//! the rest fits into the downtime limit at the speed of the last round. The workload itself marks the pages that it
//! writes, so no tracking by the kernel is needed.

use super::stream::{Header, Writer, hear_loaded};
use super::{Migration, Status, unix_path};
use crate::machine::{Machine, RunState};
use crate::memory;
use crate::monitor::QmpError;
use shoal_workload::pattern::PAGE_BYTES;
use std::io::{self, BufWriter};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Records go out in pieces of this size.
const BUFFER_BYTES: usize = 256 << 10;

type Out<'a> = Writer<'a, BufWriter<UnixStream>>;

/// QMP `migrate`: returns at once, the rest is told by events and `query-migrate`.
pub fn start(machine: &Arc<Machine>, uri: &str) -> Result<(), QmpError> {
    let path = unix_path(uri)?.to_owned();
    match machine.state() {
        RunState::Inmigrate => return Err("Guest is waiting for an incoming migration".into()),
        RunState::Postmigrate => {
            return Err("Can't migrate the vm that was paused due to previous migration".into());
        }
        _ => (),
    }
    let migration = &machine.migration;
    {
        let mut now = migration.now();
        Migration::idle(&now)?;
        now.status = Status::None;
        now.fault.clear();
        now.continued = false;
        now.begun = Some(Instant::now());
    }
    migration.sent_bytes.store(0, Ordering::Relaxed);
    migration.shift(&[Status::None], Status::Setup);
    let machine = machine.clone();
    thread::spawn(move || migrate(&machine, &path));
    Ok(())
}

fn migrate(machine: &Machine, path: &str) {
    let migration = &machine.migration;
    let mut ran = None;
    let sent = UnixStream::connect(path).and_then(|stream| {
        migration.now().stream = Some(stream.try_clone()?);
        send(machine, &stream, &mut ran)
    });
    migration.now().stand_clock();
    // Completed before the run state says so, as in QEMU: the agent must look at the run state, not at the event.
    let completed = sent.is_ok() && migration.shift(&GOING_OUT, Status::Completed);
    if completed {
        machine.postmigrate();
        if machine.faults.resume_after_postmigrate {
            machine.back(true);
        }
    } else {
        migration.fail(&sent.err().map_or(String::new(), |error| error.to_string()));
        if let Some(ran) = ran {
            machine.back(ran);
        }
    }
    migration.now().stream = None;
    migration.shift(&[Status::Cancelling], Status::Cancelled);
}

/// What a migration may complete from: `device`, or `active` when it does not pause before the switch.
const GOING_OUT: [Status; 2] = [Status::Active, Status::Device];

fn overtaken() -> io::Error {
    io::Error::other("the migration was cancelled")
}

/// All that goes out, and the target's word. `ran` is set when the guest was stopped for it.
fn send(machine: &Machine, stream: &UnixStream, ran: &mut Option<bool>) -> io::Result<()> {
    let (migration, memory) = (&machine.migration, &machine.memory);
    let settings = migration.now().settings;
    if !migration.shift(&[Status::Setup], Status::Active) {
        return Err(overtaken());
    }
    let header = Header {
        ram_bytes: memory.bytes() as u64,
        ignore_shared: settings.ignore_shared,
        return_path: settings.return_path,
    };
    let buffered = BufWriter::with_capacity(BUFFER_BYTES, stream.try_clone()?);
    let mut out = Writer::begin(buffered, &header, &migration.sent_bytes)?;
    if !settings.ignore_shared {
        rounds(machine, &mut out)?;
    }

    let stopped = Instant::now();
    *ran = Some(machine.finish_migrate());
    let moves = migration.now().moves + 1;
    let state = machine.guest.state(moves);
    memory.write_header(&memory::Header {
        moves,
        work: state.engine.work,
        random: state.engine.random,
    });
    if settings.pause_before_switchover {
        pause(migration)?;
    }

    if !settings.ignore_shared {
        send_page(machine, &mut out, 0, true)?;
        round(machine, &mut out, true)?;
    }
    out.devices(&state.encode())?;
    out.end()?;
    if settings.return_path {
        hear_loaded(stream)?;
    }
    let mut now = migration.now();
    now.downtime_ms = stopped.elapsed().as_millis() as u64;
    now.remaining_bytes = 0;
    Ok(())
}

/// `pre-switchover` until `migrate-continue`. A stream that breaks meanwhile is noticed afterwards, as in QEMU.
fn pause(migration: &Migration) -> io::Result<()> {
    if !migration.shift(&[Status::Active], Status::PreSwitchover) {
        return Err(overtaken());
    }
    let mut now = migration.now();
    while !now.continued && now.status == Status::PreSwitchover {
        now = migration.changed.wait(now).unwrap();
    }
    drop(now);
    match migration.shift(&[Status::PreSwitchover], Status::Device) {
        true => Ok(()),
        false => Err(overtaken()),
    }
}

fn rounds(machine: &Machine, out: &mut Out) -> io::Result<()> {
    let dirty = machine.memory.dirty();
    (0..machine.memory.pool_bytes() / PAGE_BYTES).for_each(|page| dirty.mark(page));
    let mut first = true;
    loop {
        let begun = Instant::now();
        // The target's memory is all zero before: zero pages are news only from the second round on.
        let bytes = round(machine, out, !first)?;
        first = false;
        let left = (dirty.count() * PAGE_BYTES) as u64;
        let limit = {
            let mut now = machine.migration.now();
            now.remaining_bytes = left;
            Duration::from_millis(now.settings.downtime_limit_ms)
        };
        if fits(left, bytes, begun.elapsed(), limit) {
            return Ok(());
        }
    }
}

/// Whether the rest goes out within the limit, at the speed of the round that is over.
fn fits(left: u64, bytes: u64, took: Duration, limit: Duration) -> bool {
    left == 0 || left as f64 * took.as_secs_f64() <= bytes as f64 * limit.as_secs_f64()
}

/// Sends every page that is dirty; how many bytes that were.
fn round(machine: &Machine, out: &mut Out, zeros: bool) -> io::Result<u64> {
    let mut bytes = 0;
    for page in 0..machine.memory.pool_bytes() / PAGE_BYTES {
        if machine.memory.dirty().take(page) {
            send_page(machine, out, page + 1, zeros)?;
            bytes += PAGE_BYTES as u64;
        }
    }
    out.flush()?;
    Ok(bytes)
}

/// One page of the file; a zero page only if `zeros`.
fn send_page(machine: &Machine, out: &mut Out, page: usize, zeros: bool) -> io::Result<()> {
    let mut bytes = [0; PAGE_BYTES];
    machine.memory.copy_out(page, &mut bytes)?;
    match zeros || bytes.iter().any(|byte| *byte != 0) {
        true => out.page(page as u64, &bytes),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_end_when_the_rest_fits_into_the_downtime_limit() {
        let (second, limit) = (Duration::from_secs(1), Duration::from_millis(300));
        assert!(fits(0, 0, second, limit));
        assert!(fits(300, 1000, second, limit));
        assert!(!fits(301, 1000, second, limit));
        assert!(!fits(1, 0, second, limit));
    }
}
