//! Migration as the monitor shows it: one status, who may change it, and the figures (QEMU qapi/migration.json and
//! migration/migration.c of 7.2). A machine takes part in one migration at a time, so both directions share them.

mod incoming;
mod outgoing;
mod settings;
mod stream;

pub use incoming::listen;
pub use outgoing::start;

use crate::monitor::{Monitor, QmpError};
use serde_json::{Value, json};
use settings::Settings;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    None,
    Setup,
    Active,
    PreSwitchover,
    Device,
    Completed,
    Failed,
    Cancelling,
    Cancelled,
}

/// Under way and not asked to end: what `migrate_cancel` ends, and what fails.
const GOING: [Status; 4] = [
    Status::Setup,
    Status::Active,
    Status::PreSwitchover,
    Status::Device,
];

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Setup => "setup",
            Self::Active => "active",
            Self::PreSwitchover => "pre-switchover",
            Self::Device => "device",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Default)]
struct Now {
    settings: Settings,
    status: Status,
    /// Why the last one failed.
    fault: String,
    /// `migrate-continue` was said.
    continued: bool,
    /// The outgoing stream, to break it by.
    stream: Option<UnixStream>,
    /// `migrate-incoming` was said.
    incoming: bool,
    begun: Option<Instant>,
    total_ms: u64,
    downtime_ms: u64,
    remaining_bytes: u64,
    /// Migrations of this guest so far.
    moves: u64,
}

impl Now {
    /// Time since the start of the migration under way.
    fn elapsed_ms(&self) -> u64 {
        self.begun
            .map_or(0, |begun| begun.elapsed().as_millis() as u64)
    }

    /// It is over: its time stands still.
    fn stand_clock(&mut self) {
        self.total_ms = self.elapsed_ms();
        self.begun = None;
    }
}

pub struct Migration {
    now: Mutex<Now>,
    changed: Condvar,
    sent_bytes: AtomicU64,
    monitor: Arc<Monitor>,
}

impl Migration {
    pub fn new(monitor: Arc<Monitor>) -> Self {
        Self {
            now: Mutex::default(),
            changed: Condvar::new(),
            sent_bytes: AtomicU64::new(0),
            monitor,
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap()
    }

    /// Changes the status if it is one of `from`, and tells so. Whoever is refused was overtaken, by a cancel mostly.
    fn shift(&self, from: &[Status], to: Status) -> bool {
        let mut now = self.now();
        if !from.contains(&now.status) {
            return false;
        }
        now.status = to;
        self.changed.notify_all();
        // Under the lock, or two changes could be told in the wrong order.
        if now.settings.events {
            self.monitor
                .event("MIGRATION", Some(json!({ "status": to.name() })));
        }
        true
    }

    /// Fails what is under way; a cancel that came first stays one.
    fn fail(&self, fault: &str) {
        if self.shift(&GOING, Status::Failed) {
            self.now().fault = fault.to_owned();
        }
    }

    fn idle(now: &Now) -> Result<(), QmpError> {
        match GOING.contains(&now.status) || now.status == Status::Cancelling {
            true => Err("There's a migration process in progress".into()),
            false => Ok(()),
        }
    }

    /// QMP `migrate-set-capabilities`.
    pub fn set_capabilities(&self, list: &[Value]) -> Result<(), QmpError> {
        let mut now = self.now();
        Self::idle(&now)?;
        now.settings = now.settings.with_capabilities(list)?;
        Ok(())
    }

    /// QMP `migrate-set-parameters`: while one is under way, too.
    pub fn set_parameter(&self, name: &str, value: &Value) -> Result<(), QmpError> {
        self.now().settings.set_parameter(name, value)
    }

    /// QMP `migrate-continue`.
    pub fn go_on(&self, state: &str) -> Result<(), QmpError> {
        let mut now = self.now();
        if now.status.name() != state {
            let found = now.status.name();
            return Err(format!("Migration not in expected state: {found}").into());
        }
        now.continued = true;
        self.changed.notify_all();
        Ok(())
    }

    /// QMP `migrate_cancel`: nothing to cancel is no error.
    pub fn cancel(&self) {
        if self.shift(&GOING, Status::Cancelling)
            && let Some(stream) = &self.now().stream
        {
            // A stream that is broken already needs no breaking.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// QMP `query-migrate`.
    pub fn query(&self, ram_bytes: usize) -> Value {
        let now = self.now();
        if now.status == Status::None {
            return json!({});
        }
        let mut answer = json!({
            "status": now.status.name(),
            "total-time": now.begun.map_or(now.total_ms, |_| now.elapsed_ms()),
            "ram": {
                "total": ram_bytes,
                "transferred": self.sent_bytes.load(Ordering::Relaxed),
                "remaining": now.remaining_bytes,
                "page-size": shoal_workload::pattern::PAGE_BYTES,
            },
        });
        if now.status == Status::Completed {
            answer["downtime"] = now.downtime_ms.into();
        }
        if now.status == Status::Failed {
            answer["error-desc"] = now.fault.clone().into();
        }
        answer
    }
}

/// The path in `unix:<path>`, the only kind of address that the agent gives.
fn unix_path(uri: &str) -> Result<&str, QmpError> {
    uri.strip_prefix("unix:")
        .filter(|path| !path.is_empty())
        .ok_or_else(|| format!("unknown migration protocol: {uri}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(status: Status) -> Migration {
        let migration = Migration::new(Arc::default());
        migration.now().status = status;
        migration
    }

    #[test]
    fn a_cancel_ends_only_what_is_under_way_and_keeps_its_name() {
        let going = migration(Status::Device);
        going.cancel();
        going.fail("the stream broke");
        assert_eq!(going.query(0)["status"], "cancelling");
        let done = migration(Status::Completed);
        done.cancel();
        assert_eq!(done.query(0)["status"], "completed");
    }

    #[test]
    fn continue_is_refused_in_any_state_but_the_named_one() {
        let active = migration(Status::Active);
        let error = active.go_on("pre-switchover").unwrap_err();
        assert_eq!(error.desc, "Migration not in expected state: active");
        migration(Status::PreSwitchover)
            .go_on("pre-switchover")
            .unwrap();
    }

    #[test]
    fn capabilities_stand_still_while_a_migration_is_under_way() {
        assert!(migration(Status::Active).set_capabilities(&[]).is_err());
        assert!(migration(Status::Cancelled).set_capabilities(&[]).is_ok());
    }

    #[test]
    fn what_failed_says_why_and_what_never_began_says_nothing() {
        let failed = migration(Status::Active);
        failed.fail("the stream broke");
        assert_eq!(failed.query(1)["error-desc"], "the stream broke");
        assert_eq!(migration(Status::None).query(1), json!({}));
    }

    #[test]
    fn only_unix_sockets_are_addresses() {
        assert_eq!(unix_path("unix:/a/b").unwrap(), "/a/b");
        for uri in ["tcp:localhost:1", "unix:", "defer"] {
            assert!(unix_path(uri).unwrap_err().desc.ends_with(uri));
        }
    }
}
