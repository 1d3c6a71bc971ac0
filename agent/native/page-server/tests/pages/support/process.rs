//! A child that ends with its test, however that ends.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::until;

pub struct Process {
    pub child: Child,
    log: PathBuf,
}

impl Process {
    /// What it says on stderr is kept in `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        command.stderr(File::create(log).expect("a log"));
        // SAFETY: prctl is a system call without memory effects, fit for the time between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = command.spawn().expect("the program starts");
        Self {
            child,
            log: log.to_owned(),
        }
    }

    pub fn pages(verb: &str, dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shoal-pages"));
        command.arg(verb).arg(dir).stdout(Stdio::null());
        Self::start(&mut command, &dir.join("log"))
    }

    /// A `fetch` that may have so many files open.
    pub fn pages_with(dir: &Path, files: u64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shoal-pages"));
        command.arg("fetch").arg(dir).stdout(Stdio::null());
        // SAFETY: setrlimit is a system call on a live structure, fit for the time between fork and exec.
        unsafe {
            command.pre_exec(move || {
                let limit = libc::rlimit {
                    rlim_cur: files,
                    rlim_max: files,
                };
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
                Ok(())
            });
        }
        Self::start(&mut command, &dir.join("log"))
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("own child").is_none()
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        until("a process ends", || !self.is_alive());
        self.child.wait().expect("own child")
    }

    pub fn was_aborted(&mut self) -> bool {
        self.end().signal() == Some(libc::SIGABRT)
    }

    /// It stands with all its threads, like the VMM of a guest that is stopped.
    pub fn halt(&self) {
        let pid = self.child.id() as i32;
        // SAFETY: a system call without memory effects, on our own child, which is not waited for yet.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGSTOP) }, 0);
        let stands = |stat: &str| {
            let state = stat.rsplit(") ").next();
            state.is_some_and(|rest| rest.starts_with('T'))
        };
        until("a process stands", || {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it is there");
            tasks.flatten().all(|task| {
                // One that ends meanwhile writes no more.
                std::fs::read_to_string(task.path().join("stat")).is_ok_and(|stat| stands(&stat))
            })
        });
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.log.display(), self.said());
        }
    }
}
