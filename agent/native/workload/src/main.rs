//! `shoal-workload`: the workload as a process inside a Linux guest.

use shoal_workload::command::{self, Command, DiskAction};
use shoal_workload::disk::{self, Disk};
use shoal_workload::engine::{Engine, Provide, Rest};
use shoal_workload::jobs::Jobs;
use shoal_workload::pattern::PAGE_BYTES;
use shoal_workload::pool::Pool;
use shoal_workload::port::{self, Speaker};
use shoal_workload::ticker::Ticker;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::sync::{Arc, mpsc};
use std::time::Instant;

const USAGE: &str = "usage: shoal-workload --port /dev/ttyS1|none [--seed N] [--load PERCENT] [--fill MIB] [--disk /dev/vda]";
/// Left to the rest of the guest by a fill: kernel, page tables, disk cache.
const KEEP_FREE_BYTES: usize = 16 << 20;
/// random(4): drawn by the kernel at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where the initramfs has what runs a job, and where it mounts the root disk (sim-harness/guest/init.ts).
const JOB_RUNNER: &str = "/bin/shoal-job";
const JOB_SCRIPTS: &str = "/guest/shoal/jobs";

fn main() {
    if let Err(sentence) = run() {
        eprintln!("shoal-workload: {sentence}");
        std::process::exit(1);
    }
}

/// Anonymous memory for the pattern: maps a new piece for each fill and frees the one before.
fn provider(seed: u64) -> Provide {
    let mut held: (usize, usize) = (0, 0);
    Box::new(move |bytes| {
        let available = available_bytes()? + held.1;
        if bytes + KEEP_FREE_BYTES > available {
            let mib = available.saturating_sub(KEEP_FREE_BYTES) >> 20;
            return Err(format!("the guest has {mib} MiB to spare"));
        }
        if held.1 > 0 {
            // SAFETY: the piece was mapped below, and the engine replaces its pool by the one returned here.
            unsafe { libc::munmap(held.0 as *mut libc::c_void, held.1) };
            held = (0, 0);
        }
        let bytes = bytes.max(PAGE_BYTES);
        // SAFETY: a fresh anonymous mapping, address chosen by the kernel.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(format!("mmap: {}", std::io::Error::last_os_error()));
        }
        held = (base as usize, bytes);
        // SAFETY: page aligned and mapped until the next fill, which replaces this pool; nobody else has it.
        Ok(unsafe { Pool::over(base.cast(), bytes, seed, 0, None) })
    })
}

fn available_bytes() -> Result<usize, String> {
    let text = std::fs::read_to_string("/proc/meminfo")
        .map_err(|error| format!("/proc/meminfo: {error}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.map(|kib| kib << 10)
        .ok_or_else(|| "/proc/meminfo has no MemAvailable".to_owned())
}

/// `--name value` pairs.
fn arguments() -> Result<HashMap<String, String>, String> {
    let mut found = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").ok_or(USAGE)?;
        if !["port", "seed", "load", "fill", "disk"].contains(&name) {
            return Err(format!("--{name} is unknown. {USAGE}"));
        }
        found.insert(name.to_owned(), words.next().ok_or(USAGE)?);
    }
    Ok(found)
}

fn run() -> Result<(), String> {
    let arguments = arguments()?;
    let path = arguments.get("port").ok_or(USAGE)?;
    let seed = arguments
        .get("seed")
        .map_or(Ok(1), |word| word.parse())
        .map_err(|_| USAGE)?;
    let text = |error: std::io::Error| format!("{path}: {error}");
    let port = match path.as_str() {
        "none" => None,
        path => Some(port::open(path).map_err(text)?),
    };
    let out = match &port {
        Some(port) => port.try_clone(),
        None => OpenOptions::new().write(true).open("/dev/null"),
    };
    let speaker = Speaker::new(out.map_err(text)?);
    let boot = std::fs::read_to_string(BOOT_ID).map_err(|error| format!("{BOOT_ID}: {error}"))?;
    let boot = boot.trim();

    let mut provide = provider(seed);
    let pool = provide(0)?;
    let mut engine = Engine::new(pool, provide);
    let ticker = Arc::new(Ticker::default());
    let (ticking, counters, ticks) = (ticker.clone(), engine.counters.clone(), speaker.clone());
    std::thread::spawn(move || ticking.run(&counters, &|line| ticks.say(line)));

    let (lines, commands) = mpsc::channel();
    for (name, line) in [("fill", "fill "), ("load", "load "), ("disk", "disk ")] {
        if let Some(value) = arguments.get(name) {
            let end = if name == "disk" { " start" } else { "" };
            lines
                .send(format!("{line}{value}{end}"))
                .expect("the receiver is held below");
        }
    }
    // Without a port nobody sends commands, but somebody still could: the channel stays open.
    let _open = port.is_none().then(|| lines.clone());
    if let Some(mut port) = port {
        std::thread::spawn(move || port::read_lines(&mut port, |line| lines.send(line).is_ok()));
    }

    let begin = Instant::now();
    let mut disks = Vec::new();
    let mut jobs = Jobs::new(JOB_RUNNER, JOB_SCRIPTS);
    loop {
        let rest = engine.period(&|| begin.elapsed(), &|| false, &mut |line| {
            speaker.say(&line)
        });
        let next = match rest {
            Rest::Forever => commands
                .recv()
                .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Rest::For(pause) => commands.recv_timeout(pause),
        };
        match next {
            Ok(line) => answer(&line, boot, &mut engine, &ticker, &mut disks, &mut jobs)
                .into_iter()
                .for_each(|line| speaker.say(&line)),
            Err(mpsc::RecvTimeoutError::Timeout) => (),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(format!("{path} has ended")),
        }
    }
}

/// Does one line; its answer, unless that comes later.
fn answer(
    line: &str,
    boot: &str,
    engine: &mut Engine,
    ticker: &Ticker,
    disks: &mut Vec<Disk>,
    jobs: &mut Jobs,
) -> Option<String> {
    let done = command::parse(line).and_then(|command| match &command {
        Command::Ticks { interval_ms } => {
            ticker.set(|ticks| ticks.interval_ms = *interval_ms);
            Ok(Some(format!("ok ticks {interval_ms}")))
        }
        Command::Status { ask } => {
            let mut status = engine.status(*ask, boot, ticker.get().interval_ms);
            for disk in disks.iter() {
                let synced = disk
                    .synced()
                    .map_or("failed".to_owned(), |number| number.to_string());
                status += &format!(" disk:{}={synced}", disk.device());
            }
            Ok(Some(status))
        }
        Command::Disk { device, action } => on_disk(device, *action, disks).map(Some),
        Command::Job { name, action } => jobs.apply(name, action).map(Some),
        _ => engine.apply(&command),
    });
    done.unwrap_or_else(|sentence| Some(command::error(line, &sentence)))
}

fn on_disk(device: &str, action: DiskAction, disks: &mut Vec<Disk>) -> Result<String, String> {
    let at = disks.iter().position(|disk| disk.device() == device);
    match (action, at) {
        (DiskAction::Start, Some(_)) => Err("is being written to already".to_owned()),
        (DiskAction::Start, None) => {
            let disk = Disk::start(device)?;
            let synced = disk.synced()?;
            disks.push(disk);
            Ok(format!("ok disk {device} start {synced}"))
        }
        (DiskAction::Stop, None) => Err("is not being written to".to_owned()),
        (DiskAction::Stop, Some(at)) => Ok(format!(
            "ok disk {device} stop {}",
            disks.remove(at).stop()?
        )),
        (DiskAction::Check, _) => {
            // A record of a running writer may be half there: only what was synced before counts.
            let synced = at.map_or(Ok(0), |at| disks[at].synced())?;
            let found = disk::check_device(device)?;
            match found.good >= synced && (at.is_some() || found.rest_bytes == 0) {
                true => Ok(format!("ok disk {device} check {}", found.good)),
                false => Err(format!(
                    "{} good records, {synced} were synced, {} bytes behind them are wrong",
                    found.good, found.rest_bytes
                )),
            }
        }
    }
}
