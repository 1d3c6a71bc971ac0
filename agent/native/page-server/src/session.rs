//! `session.json`: all that a page server needs to start, and to start again. Written by the agent, 0600.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::serve::plan::RECORDED_BLOCKS_MAX;
use crate::sys::process::page_bytes;

/// 16 TiB: each bitmap over it takes 512 MiB.
const RAM_MAX: u64 = 1 << 44;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Serve,
    Fetch,
}

/// Which pages go while nobody waits for one. What each means: `serve/plan.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Sequential,
    Windows,
    Hot,
}

/// Whether pages of bulk travel packed. `Auto`: where it shortens the transfer (`serve/packing.rs`). Both sides must want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Auto,
    Off,
    On,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub dir: PathBuf,
    pub handoff: [u8; 16],
    pub role: Role,
    /// The page servers move the memory: behind the switch, or the most of it before (`warm`).
    pub postcopy: bool,
    pub warm: bool,
    /// The VMMs take a broken stream up again: QEMU's own post-copy.
    pub resumes: bool,
    pub ram_file: PathBuf,
    pub ram_bytes: u64,
    pub page_bytes: u64,
    pub peer_cert_sha256: [u8; 32],
    pub host: String,
    pub port: u16,
    pub stream_socket: PathBuf,
    pub uffd_socket: PathBuf,
    pub vmm_uid: u32,
    pub device_load_pages: Vec<u64>,
    /// What the guest faulted first at an earlier move, in that order; blocks of `serve::plan::BLOCK` pages.
    pub hot_blocks: Vec<u64>,
    pub order: Order,
    pub compression: Compression,
    /// 0 = it adapts.
    pub bulk_window_bytes: u32,
    /// 0 = no cap.
    pub bulk_bytes_per_second: u64,
    pub tls: bool,
}

impl Session {
    pub fn pages(&self) -> u64 {
        self.ram_bytes / self.page_bytes
    }

    /// # Errors
    /// One sentence: what is wrong, in which key.
    pub fn load(dir: &Path, role: Role) -> Result<Self, String> {
        let path = dir.join("session.json");
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(dir, role, &text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn parse(dir: &Path, role: Role, text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let string = |key: &str| {
            json[key]
                .as_str()
                .map(str::to_owned)
                .ok_or(format!("{key} is no text"))
        };
        let number = |key: &str| {
            json[key]
                .as_u64()
                .ok_or(format!("{key} is no whole number"))
        };
        let path = |key: &str| string(key).map(PathBuf::from);
        let said = string("role")?;
        if said
            != (if role == Role::Serve {
                "serve"
            } else {
                "fetch"
            })
        {
            return Err(format!("role is {}", said.escape_debug()));
        }
        let engine = string("engine")?;
        let (postcopy, resumes) = match engine.as_str() {
            "postcopy" | "warm" => (true, false),
            // Under QEMU's own engines only the stream is carried.
            "precopy" => (false, false),
            "qemu-postcopy" => (false, true),
            other => return Err(format!("engine {} is unknown", other.escape_debug())),
        };
        let order = match string("order")?.as_str() {
            "sequential" => Order::Sequential,
            "windows" => Order::Windows,
            "hot" => Order::Hot,
            other => return Err(format!("order {} is unknown", other.escape_debug())),
        };
        let compression = match string("compression")?.as_str() {
            "auto" => Compression::Auto,
            "off" => Compression::Off,
            "on" => Compression::On,
            other => return Err(format!("compression {} is unknown", other.escape_debug())),
        };
        let list = |key: &str| -> Option<Vec<u64>> {
            let list = json[key].as_array();
            list.and_then(|list| list.iter().map(Value::as_u64).collect())
        };
        let session = Self {
            dir: dir.to_owned(),
            handoff: bytes(&string("handoff")?.replace('-', "")).ok_or("handoff is no UUID")?,
            role,
            postcopy,
            warm: engine == "warm",
            resumes,
            ram_file: path("ramFile")?,
            ram_bytes: number("ramBytes")?,
            page_bytes: number("pageBytes")?,
            peer_cert_sha256: bytes(&string("peerCertSha256")?)
                .ok_or("peerCertSha256 is no SHA-256")?,
            host: string("host")?,
            port: number("port")?.try_into().map_err(|_| "port is no port")?,
            stream_socket: path("streamSocket")?,
            uffd_socket: path("uffdSocket")?,
            vmm_uid: number("vmmUid")?
                .try_into()
                .map_err(|_| "vmmUid is no uid")?,
            device_load_pages: list("deviceLoadPages")
                .ok_or("deviceLoadPages is no list of pages")?,
            hot_blocks: list("hotBlocks").ok_or("hotBlocks is no list of blocks")?,
            order,
            compression,
            bulk_window_bytes: number("bulkWindowBytes")?
                .try_into()
                .map_err(|_| "bulkWindowBytes is too large")?,
            bulk_bytes_per_second: number("bulkBytesPerSecond")?,
            tls: json["tls"]
                .as_bool()
                .ok_or("tls is neither true nor false")?,
        };
        session.check()?;
        Ok(session)
    }

    fn check(&self) -> Result<(), String> {
        if self.page_bytes != 4096 || page_bytes() != 4096 {
            let (said, here) = (self.page_bytes, page_bytes());
            return Err(format!(
                "pageBytes is {said}, this machine's pages have {here}: only 4096 is supported"
            ));
        }
        if !self.ram_bytes.is_multiple_of(self.page_bytes)
            || self.ram_bytes > RAM_MAX
            || (self.postcopy && self.ram_bytes == 0)
        {
            return Err(format!(
                "ramBytes is {}: it must be whole pages of 4096 bytes, {RAM_MAX} at most",
                self.ram_bytes
            ));
        }
        let hot = self.hot_blocks.len();
        if hot > RECORDED_BLOCKS_MAX {
            return Err(format!(
                "hotBlocks has {hot} blocks: {RECORDED_BLOCKS_MAX} at most"
            ));
        }
        if self.bulk_window_bytes > 0 && u64::from(self.bulk_window_bytes) < self.page_bytes {
            return Err("bulkWindowBytes is less than a page: nothing could be sent".to_owned());
        }
        Ok(())
    }
}

/// Hex to exactly `N` bytes.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    if hex.len() != 2 * N || !hex.is_ascii() {
        return None;
    }
    let mut out = [0; N];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json() -> Value {
        serde_json::json!({
            "handoff": "00112233-4455-6677-8899-aabbccddeeff", "role": "serve", "engine": "postcopy",
            "ramFile": "/dev/shm/x", "ramBytes": 8192, "pageBytes": 4096, "peerCertSha256": "11".repeat(32),
            "host": "127.0.0.1", "port": 1, "streamSocket": "/s", "uffdSocket": "/u", "vmmUid": 0,
            "deviceLoadPages": [1], "hotBlocks": [0, 9], "order": "hot", "compression": "auto", "bulkWindowBytes": 65536, "bulkBytesPerSecond": 0, "tls": true
        })
    }

    #[test]
    fn a_session_is_read_whole_or_refused_with_the_key_at_fault() {
        let parse = |json: &Value| Session::parse(Path::new("/d"), Role::Serve, &json.to_string());
        let session = parse(&json()).unwrap();
        assert_eq!(
            (
                session.pages(),
                session.handoff[15],
                session.device_load_pages.len()
            ),
            (2, 0xff, 1)
        );
        for key in [
            "handoff",
            "ramFile",
            "ramBytes",
            "peerCertSha256",
            "port",
            "vmmUid",
            "role",
            "order",
            "compression",
            "hotBlocks",
        ] {
            let mut broken = json();
            broken[key] = Value::Null;
            assert!(parse(&broken).unwrap_err().contains(key), "{key}");
        }
        let mut odd = json();
        odd["order"] = "by-size".into();
        assert_eq!(parse(&odd).unwrap_err(), "order by-size is unknown");
        odd["engine"] = "two\nlines".into();
        assert_eq!(parse(&odd).unwrap_err(), "engine two\\nlines is unknown");
        odd = json();
        odd["compression"] = "best".into();
        assert_eq!(parse(&odd).unwrap_err(), "compression best is unknown");
        let mut many = json();
        many["hotBlocks"] = vec![0; RECORDED_BLOCKS_MAX + 1].into();
        assert_eq!(
            parse(&many).unwrap_err(),
            "hotBlocks has 257 blocks: 256 at most"
        );
        let mut torn = json();
        torn["ramBytes"] = 5000.into();
        assert!(parse(&torn).is_err());
    }
}
