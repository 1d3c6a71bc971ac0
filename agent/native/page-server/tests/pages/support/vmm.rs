//! The test VMM (`examples/vmm.rs`) under the preload.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::process::Process;
use super::ram::PAGE;
use super::until;

pub struct Vmm {
    pub process: Process,
    lines: Arc<Mutex<Vec<String>>>,
}

/// Beside the program: `target/<profile>`.
pub fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_shoal-pages")).with_file_name(name);
    assert!(
        path.exists(),
        "{} is made by `cargo test` without --test",
        path.display()
    );
    path
}

impl Vmm {
    pub fn command(ram: &Path, pages: u64, uffd_socket: Option<&Path>) -> Command {
        let mut command = Command::new(built("examples/vmm"));
        command
            .arg(ram)
            .arg((pages * PAGE as u64).to_string())
            .env("LD_PRELOAD", built("libshoal-uffd.so"))
            .env("SHOAL_UFFD_RAM", ram)
            .env_remove("SHOAL_UFFD_SOCKET")
            .env_remove("SHOAL_UFFD_DEVICE_FD");
        if let Some(socket) = uffd_socket {
            command.env("SHOAL_UFFD_SOCKET", socket);
        }
        command
    }

    pub fn start(command: &mut Command, log: &Path) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(command, log);
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        let out = process.child.stdout.take().expect("piped");
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                kept.lock().expect("lines").push(line);
            }
        });
        Self { process, lines }
    }

    fn find(&self, start: &str) -> Option<u64> {
        let lines = self.lines.lock().expect("lines");
        let rest = lines.iter().find_map(|line| line.strip_prefix(start))?;
        rest.trim().parse().ok()
    }

    /// Gives a command; its answer is taken later.
    pub fn tell(&mut self, command: &str) {
        let input = self.process.child.stdin.as_mut().expect("piped");
        writeln!(input, "{command}").expect("the VMM listens");
    }

    pub fn answered(&self, command: &str) -> Option<u64> {
        self.find(&format!("{command} "))
    }

    /// How many times that command was answered.
    pub fn answers(&self, command: &str) -> usize {
        let lines = self.lines.lock().expect("lines");
        let start = format!("{command} ");
        lines.iter().filter(|line| line.starts_with(&start)).count()
    }

    /// Threads that stand in the kernel for a page that is missing (proc(5), wchan).
    pub fn waiting(&self) -> usize {
        let tasks = format!("/proc/{}/task", self.process.child.id());
        let tasks = std::fs::read_dir(tasks).expect("it is there").flatten();
        let stands = tasks.map(|task| std::fs::read_to_string(task.path().join("wchan")));
        stands
            .flatten()
            .filter(|at| at.contains("userfault"))
            .count()
    }

    pub fn answer(&self, command: &str) -> u64 {
        until(&format!("the VMM answers {command}"), || {
            self.answered(command).is_some()
        });
        self.answered(command).expect("answered just now")
    }

    pub fn ask(&mut self, command: &str) -> u64 {
        self.tell(command);
        self.answer(command)
    }

    /// Hash of a page, once it can be read.
    pub fn read(&mut self, page: u64) -> u64 {
        self.ask(&format!("read {page}"))
    }

    pub fn mapped(&self) {
        assert_eq!(self.answer("mapped"), 0, "madvise is answered as usual");
    }
}
