//! Session directories with all that is in them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub const HANDOFF: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";
/// The session's own user: who hands over the descriptor.
pub fn uid() -> u32 {
    shoal_pages::sys::process::uid()
}

/// One side's directory, with key and certificate.
pub struct SessionDir {
    pub path: PathBuf,
    pub cert_sha256: String,
}

impl SessionDir {
    pub fn new(path: PathBuf) -> Self {
        let cert_sha256 = shoal_pages::tls::init(&path).expect("a session directory");
        Self { path, cert_sha256 }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn write(&self, session: &Value) {
        fs::write(self.at("session.json"), session.to_string()).expect("session.json");
    }

    /// All keys, for a guest of so many pages.
    pub fn json(&self, role: &str, peer_sha256: &str, ram: &Path, pages: u64) -> Value {
        json!({
            "handoff": HANDOFF,
            "role": role,
            "engine": "postcopy",
            "ramFile": ram,
            "ramBytes": pages * super::ram::PAGE as u64,
            "pageBytes": super::ram::PAGE,
            "peerCertSha256": peer_sha256,
            "host": "127.0.0.1",
            "port": 0,
            "streamSocket": self.at("stream.sock"),
            "uffdSocket": self.at("uffd.sock"),
            "vmmUid": uid(),
            "deviceLoadPages": [],
            "hotBlocks": [],
            "order": "hot",
            "compression": "auto",
            "bulkWindowBytes": 262_144,
            "bulkBytesPerSecond": 0,
            "tls": true,
        })
    }
}
