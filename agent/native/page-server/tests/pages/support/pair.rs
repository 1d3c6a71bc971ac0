//! Source and target of one handoff, up to where the memory may be frozen.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::control::Control;
use super::dir::Dir;
use super::process::Process;
use super::proxy::Proxy;
use super::ram::{self, Is};
use super::session::SessionDir;
use super::vmm::Vmm;

/// What a test wants to be different.
pub struct Wants {
    pub pages: u64,
    pub is: fn(u64) -> Is,
    /// Keys of both `session.json`, instead of the usual ones.
    pub keys: Value,
    /// Whether the page servers talk through a proxy.
    pub proxy: bool,
    /// Bytes of a tmpfs of the VMM's own for its RAM file.
    pub room: Option<u64>,
}

impl Default for Wants {
    fn default() -> Self {
        Self {
            pages: 4096,
            is: ram::usual,
            keys: Value::Null,
            proxy: false,
            room: None,
        }
    }
}

pub struct Pair {
    pub vmm: Vmm,
    pub fetch: Control,
    pub serve: Control,
    pub fetch_process: Process,
    pub serve_process: Process,
    pub proxy: Option<Proxy>,
    pub source_ram: PathBuf,
    pub target_ram: PathBuf,
    pub target: SessionDir,
    pub source: SessionDir,
    /// Last: goes when nothing uses it any more.
    _dir: Dir,
}

fn with(mut session: Value, keys: &Value) -> Value {
    for (key, value) in keys.as_object().into_iter().flatten() {
        session[key] = value.clone();
    }
    session
}

/// A target that listens, with its VMM registered.
pub struct Target {
    pub vmm: Vmm,
    pub fetch: Control,
    pub process: Process,
    pub session: SessionDir,
    pub ram: PathBuf,
    pub port: u16,
    /// The source's directory, whose certificate is let in.
    pub source: SessionDir,
    pub dir: Dir,
}

impl Target {
    pub fn start(wants: &Wants) -> Self {
        let dir = Dir::new();
        let (source, session) = (
            SessionDir::new(dir.at("serve")),
            SessionDir::new(dir.at("fetch")),
        );
        std::fs::create_dir(dir.at("ram")).expect("a directory");
        let ram = dir.at("ram").join("target.ram");
        let json = session.json("fetch", &source.cert_sha256, &ram, wants.pages);
        session.write(&with(json, &wants.keys));
        let process = Process::pages("fetch", &session.path);
        let fetch = Control::connect(&session.at("control.sock"));
        let port = fetch.event("listening")["port"].as_u64().expect("a port");
        // Under QEMU's own engines the page servers carry its stream only.
        let engine = wants.keys["engine"].as_str();
        let paged = matches!(engine, None | Some("postcopy" | "warm"));
        let uffd = session.at("uffd.sock");
        let mut command = Vmm::command(&ram, wants.pages, paged.then_some(&*uffd));
        command.args(wants.room.map(|room| room.to_string()));
        let vmm = Vmm::start(&mut command, &dir.at("vmm.log"));
        vmm.mapped();
        if paged {
            fetch.event("registered");
        }
        Self {
            vmm,
            fetch,
            process,
            session,
            ram,
            port: port as u16,
            source,
            dir,
        }
    }

    /// Under this engine, beside a session of a source that the test plays itself.
    pub fn for_played_source(engine: &str) -> Self {
        let keys = json!({ "engine": engine });
        let target = Self::start(&Wants {
            keys: keys.clone(),
            ..Wants::default()
        });
        let peer = &target.session.cert_sha256;
        let json = target.source.json("serve", peer, &target.ram, 4096);
        target.source.write(&with(json, &keys));
        target
    }

    /// With a source of the usual kind.
    pub fn pair(self, wants: &Wants) -> Pair {
        let source_ram = self.dir.at("source.ram");
        ram::make(&source_ram, wants.pages, wants.is);
        let proxy = wants.proxy.then(|| Proxy::start(self.port));
        let peer = &self.session.cert_sha256;
        let mut json = self.source.json("serve", peer, &source_ram, wants.pages);
        json["port"] = proxy.as_ref().map_or(self.port, |proxy| proxy.port).into();
        self.source.write(&with(json, &wants.keys));
        let serve_process = Process::pages("serve", &self.source.path);
        let serve = Control::connect(&self.source.at("control.sock"));
        Pair {
            vmm: self.vmm,
            fetch: self.fetch,
            serve,
            fetch_process: self.process,
            serve_process,
            proxy,
            source_ram,
            target_ram: self.ram,
            target: self.session,
            source: self.source,
            _dir: self.dir,
        }
    }
}

impl Pair {
    /// Linked.
    pub fn start(wants: &Wants) -> Self {
        let pair = Target::start(wants).pair(wants);
        pair.serve.peer(true);
        pair.fetch.peer(true);
        pair
    }

    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a test with a proxy")
    }

    pub fn freeze(&mut self) -> Value {
        let answer = self.serve.ask("freeze");
        assert_eq!(answer["ok"], true, "{answer}");
        answer
    }

    /// Waits until both sides say that everything is in place; then it must be.
    pub fn arrived(&mut self) {
        self.fetch.event("complete");
        self.serve.event("complete");
        ram::assert_same(&self.source_ram, &self.target_ram);
        let whole = std::fs::read(&self.source_ram).expect("a RAM file");
        assert_eq!(
            self.vmm.ask("sum"),
            ram::hash(&whole),
            "as the guest sees it"
        );
    }

    /// What a page of the source hashes to.
    pub fn right(&self, page: u64, is: fn(u64) -> Is) -> u64 {
        ram::hash(&ram::bytes(page, is(page)))
    }
}
