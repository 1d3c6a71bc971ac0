//! What either side counts, as the agent reads it (`PageStats` in `agent/src/edge/pages/types.ts`).

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fetch::Waiter;
use crate::histogram::Histogram;
use crate::serve::plan::{BLOCK, RECORDED_BLOCKS_MAX};
use crate::sys::process::cpu_ms;

/// A VMM has a thread for each vCPU, and a few for devices; whatever it is, its figures are few.
const THREADS_MAX: usize = 512;
/// Between two looks at what goes: shorter shows the noise of the machine.
const RATE_OVER: Duration = Duration::from_millis(200);

/// How long a thread of the VMM stood, and how often.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Blocked {
    us: u64,
    faults: u64,
}

#[derive(Default)]
pub struct Stats {
    pub data_bytes: u64,
    /// What went or came in answer to faults, and what unasked; a page may come by both.
    pub urgent_bytes: u64,
    pub bulk_bytes: u64,
    /// Of it, before the switch.
    pub ahead_bytes: u64,
    pub bulk_window_bytes: u64,
    /// Memory that was given back before the move ended.
    pub released_bytes: u64,
    /// What went packed: as pages, on the wire, and in how many extents.
    packed_from_bytes: u64,
    packed_bytes: u64,
    packed_extents: u64,
    /// Of what the guest writes, before its memory was frozen.
    pub samples: u64,
    /// 0 while none has registered.
    pub vmm_pid: i32,
    blocked: HashMap<u32, Blocked>,
    /// Of these, once looked up: a fault that is just being answered waits for whoever has the figures.
    names: HashMap<u32, String>,
    /// Bytes at the last look, when that was, and how much a second went between the two before.
    rate: Option<(u64, Instant)>,
    bytes_per_second: u64,
    pub stream_bytes: u64,
    pub data_pages: u64,
    pub pages_done: u64,
    pub zero_faults: u64,
    pub faults: Histogram,
    pub device_load_pages: Vec<u64>,
    /// By the first fault of the running guest on each.
    faulted_blocks: Vec<u64>,
    pub reconnects: u64,
    /// Of connections that are gone; the living ones are added when asked.
    pub wire_bytes: u64,
}

/// As the VMM calls it (QEMU: `CPU 0/KVM`); none when it is gone.
fn thread_name(pid: i32, thread: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/task/{thread}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

impl Stats {
    /// The running guest stands for this page.
    pub fn faulted(&mut self, page: u64) {
        let (known, block) = (&mut self.faulted_blocks, page / BLOCK);
        if known.len() < RECORDED_BLOCKS_MAX && !known.contains(&block) {
            known.push(block);
        }
    }

    /// A page of data is in place, for which these waited.
    pub fn waited(&mut self, waiters: &[Waiter]) {
        if let Some(first) = waiters.first() {
            self.faults.add(first.since.elapsed().as_micros() as u64);
        }
        self.blocked(waiters);
    }

    /// These stand no more.
    pub fn blocked(&mut self, waiters: &[Waiter]) {
        for waiter in waiters {
            if self.blocked.len() == THREADS_MAX && !self.blocked.contains_key(&waiter.thread) {
                continue;
            }
            let blocked = self.blocked.entry(waiter.thread).or_default();
            blocked.us += waiter.since.elapsed().as_micros() as u64;
            blocked.faults += 1;
        }
    }

    /// An extent of `from` bytes went as `to`.
    pub fn packed(&mut self, from: u64, to: u64) {
        self.packed_from_bytes += from;
        self.packed_bytes += to;
        self.packed_extents += 1;
    }

    /// To be called now and then.
    pub fn look(&mut self, now: Instant) {
        let bytes = self.data_bytes + self.stream_bytes;
        let (before, since) = *self.rate.get_or_insert((bytes, now));
        let passed = now.saturating_duration_since(since);
        if passed >= RATE_OVER {
            self.bytes_per_second = ((bytes - before) as f64 / passed.as_secs_f64()) as u64;
            self.rate = Some((bytes, now));
        }
    }

    fn blocked_json(&mut self) -> Value {
        let mut threads: Vec<_> = self.blocked.iter().collect();
        threads.sort();
        let row = |(thread, blocked): (&u32, &Blocked)| {
            if !self.names.contains_key(thread)
                && let Some(name) = thread_name(self.vmm_pid, *thread)
            {
                self.names.insert(*thread, name);
            }
            let name = self.names.get(thread).cloned();
            let name = name.unwrap_or_else(|| thread.to_string());
            json!({ "thread": name, "us": blocked.us, "faults": blocked.faults })
        };
        threads.into_iter().map(row).collect()
    }

    pub fn json(&mut self, live_wire_bytes: u64) -> Value {
        let blocked = self.blocked_json();
        json!({
            "urgentBytes": self.urgent_bytes,
            "bulkBytes": self.bulk_bytes,
            "aheadBytes": self.ahead_bytes,
            "bytesPerSecond": self.bytes_per_second,
            "bulkWindowBytes": self.bulk_window_bytes,
            "packedFromBytes": self.packed_from_bytes,
            "packedBytes": self.packed_bytes,
            "packedExtents": self.packed_extents,
            "releasedBytes": self.released_bytes,
            "samples": self.samples,
            "blocked": blocked,
            "wireBytes": self.wire_bytes + live_wire_bytes,
            "dataBytes": self.data_bytes,
            "streamBytes": self.stream_bytes,
            "dataPages": self.data_pages,
            "pagesDone": self.pages_done,
            "zeroFaults": self.zero_faults,
            "faults": self.faults.json(),
            "deviceLoadPages": self.device_load_pages,
            "faultedBlocks": self.faulted_blocks,
            "reconnects": self.reconnects,
            "cpuMs": cpu_ms(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_that_a_guest_faults_first_are_recorded_once_each_in_order_and_no_more_than_are_taken()
     {
        let mut stats = Stats::default();
        for page in [40, 7, 41, 33, 0, 800] {
            stats.faulted(page);
        }
        assert_eq!(stats.json(0)["faultedBlocks"], json!([2, 0, 50]));
        (0..10_000).for_each(|page| stats.faulted(page));
        let known = stats.json(0)["faultedBlocks"].as_array().map(Vec::len);
        assert_eq!(known, Some(RECORDED_BLOCKS_MAX));
    }
}
