//! Real micro guests for tests: a process each, its monitor and its first channel over their sockets.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
pub const MEMORY_MIB: usize = 8;

/// A directory that goes when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("shoal-micro-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

pub fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

pub fn connect(path: &str) -> UnixStream {
    let stream = within(path, || UnixStream::connect(path).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub struct Vm {
    process: Child,
    monitor: BufReader<UnixStream>,
    events: VecDeque<Value>,
    channel: Option<BufReader<UnixStream>>,
    pub ram: String,
    pub sockets: Vec<String>,
}

impl Vm {
    pub fn source(folder: &Folder) -> Self {
        Self::start(folder, "source", "source.ram", false, "")
    }

    /// A target with a RAM file of its own, or the source's for a migration that leaves memory out.
    pub fn target(folder: &Folder, ram: &str, fault: &str) -> Self {
        Self::start(folder, "target", ram, true, fault)
    }

    pub fn start(folder: &Folder, side: &str, ram: &str, incoming: bool, fault: &str) -> Self {
        let file = |name: &str| folder.file(&format!("{side}.{name}"));
        let (qmp, ram) = (file("qmp"), folder.file(ram));
        let sockets = vec![qmp.clone(), file("console"), file("channel"), file("pid")];
        let process = Command::new(env!("CARGO_BIN_EXE_shoal-micro"))
            .args(["--name", "vm", "--qmp", &qmp, "--ram", &ram])
            .args(["--memory-mib", &MEMORY_MIB.to_string()])
            .args(["--console", &sockets[1], "--pidfile", &sockets[3]])
            .args(["--channel", &format!("load={}", sockets[2])])
            .args(incoming.then_some("--incoming"))
            .env("SHOAL_MICRO_FAULT", fault)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut vm = Self {
            process,
            monitor: BufReader::new(connect(&qmp)),
            events: VecDeque::new(),
            channel: None,
            ram,
            sockets,
        };
        assert!(vm.read()["QMP"]["version"].is_object());
        vm.command("qmp_capabilities", json!({}));
        vm
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.monitor.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// A command whose answer nobody waits for.
    pub fn send(&mut self, command: &str, arguments: Value) {
        let line = json!({ "execute": command, "arguments": arguments, "id": command });
        writeln!(self.monitor.get_mut(), "{line}").unwrap();
    }

    fn answer(&mut self, command: &str, arguments: Value) -> Value {
        self.send(command, arguments);
        loop {
            let message = self.read();
            match message.get("event") {
                Some(_) => self.events.push_back(message),
                None => return message,
            }
        }
    }

    pub fn command(&mut self, command: &str, arguments: Value) -> Value {
        let answer = self.answer(command, arguments);
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer["return"].clone()
    }

    /// Class and sentence of a refusal.
    pub fn refused(&mut self, command: &str, arguments: Value) -> (String, String) {
        let answer = self.answer(command, arguments);
        let text = |name: &str| answer["error"][name].as_str().unwrap().to_owned();
        (text("class"), text("desc"))
    }

    /// The next event: its name, or the status of a migration's.
    pub fn event(&mut self) -> String {
        let event = match self.events.pop_front() {
            Some(event) => event,
            None => self.read(),
        };
        match event["event"].as_str().unwrap() {
            "MIGRATION" => event["data"]["status"].as_str().unwrap().to_owned(),
            name => name.to_owned(),
        }
    }

    pub fn events<const N: usize>(&mut self) -> [String; N] {
        std::array::from_fn(|_| self.event())
    }

    pub fn run_state(&mut self) -> String {
        let status = self.command("query-status", json!({}));
        status["status"].as_str().unwrap().to_owned()
    }

    pub fn becomes(&mut self, state: &str) {
        within(state, || (self.run_state() == state).then_some(()));
    }

    pub fn migration(&mut self) -> Value {
        self.command("query-migrate", json!({}))
    }

    /// The capabilities that the agent sets for either engine.
    pub fn prepare(&mut self, ignore_shared: bool) {
        let list: Vec<Value> = [
            ("events", true),
            ("return-path", true),
            ("pause-before-switchover", true),
            ("late-block-activate", true),
            ("x-ignore-shared", ignore_shared),
        ]
        .into_iter()
        .map(|(capability, state)| json!({ "capability": capability, "state": state }))
        .collect();
        self.command("migrate-set-capabilities", json!({ "capabilities": list }));
    }

    /// Says one line to the guest and gives its answer.
    pub fn guest(&mut self, line: &str) -> String {
        let path = &self.sockets[2];
        let channel = self
            .channel
            .get_or_insert_with(|| BufReader::new(connect(path)));
        writeln!(channel.get_mut(), "{line}").unwrap();
        let mut answer = String::new();
        channel.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Leaves the monitor.
    pub fn hang_up(&mut self) {
        self.monitor
            .get_ref()
            .shutdown(std::net::Shutdown::Both)
            .unwrap();
    }

    pub fn end(&mut self) -> ExitStatus {
        within("its end", || self.process.try_wait().unwrap())
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // It may have ended already, as its test wanted.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

/// Carries one migration stream from `from` to `to`, both ways, until `cut`.
pub struct Relay {
    ends: Vec<UnixStream>,
}

impl Relay {
    /// Lets the source reach the target: `migrate` to the path that is given here first.
    pub fn between(source: &mut Vm, target: &mut Vm, folder: &Folder) -> Self {
        let (from, to) = (folder.file("from"), folder.file("to"));
        let listener = std::os::unix::net::UnixListener::bind(&from).unwrap();
        target.command("migrate-incoming", json!({ "uri": format!("unix:{to}") }));
        source.command("migrate", json!({ "uri": format!("unix:{from}") }));
        let ends = vec![listener.accept().unwrap().0, connect(&to)];
        for (from, to) in [(0, 1), (1, 0)] {
            let mut from = ends[from].try_clone().unwrap();
            let mut to = ends[to].try_clone().unwrap();
            from.set_read_timeout(None).unwrap();
            thread::spawn(move || {
                // One that is gone is nobody's concern here: the other's bytes are taken all the same, as by the
                // page server, or it would wait for room for ever.
                let _ = std::io::copy(&mut from, &mut to);
                let _ = std::io::copy(&mut from, &mut std::io::sink());
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
        std::fs::remove_file(&from).unwrap();
        Self { ends }
    }

    pub fn cut(&self) {
        for end in &self.ends {
            // One of them may have closed it already.
            let _ = end.shutdown(std::net::Shutdown::Both);
        }
    }
}
