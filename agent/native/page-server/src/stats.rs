//! What either side counts, as the agent reads it (`PageStats` in `agent/src/edge/pages/types.ts`).

use serde_json::{Value, json};

use crate::histogram::Histogram;
use crate::sys::process::cpu_ms;

#[derive(Default)]
pub struct Stats {
    pub data_bytes: u64,
    pub stream_bytes: u64,
    pub data_pages: u64,
    pub pages_done: u64,
    pub zero_faults: u64,
    pub faults: Histogram,
    pub device_load_pages: Vec<u64>,
    pub reconnects: u64,
    /// Of connections that are gone; the living ones are added when asked.
    pub wire_bytes: u64,
}

impl Stats {
    pub fn json(&self, live_wire_bytes: u64) -> Value {
        json!({
            "wireBytes": self.wire_bytes + live_wire_bytes,
            "dataBytes": self.data_bytes,
            "streamBytes": self.stream_bytes,
            "dataPages": self.data_pages,
            "pagesDone": self.pages_done,
            "zeroFaults": self.zero_faults,
            "faults": {
                "count": self.faults.count(),
                "p50Us": self.faults.quantile_us(0.5),
                "p99Us": self.faults.quantile_us(0.99),
                "maxUs": self.faults.max_us(),
            },
            "deviceLoadPages": self.device_load_pages,
            "reconnects": self.reconnects,
            "cpuMs": cpu_ms(),
        })
    }
}
