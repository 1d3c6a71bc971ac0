//! Jobs: programs on the guest's root disk, each in a process group of its own, timed by the guest's own clock.

use crate::command::JobAction;
use std::collections::HashMap;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What a job gets between TERM and KILL. Nothing else is answered meanwhile.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// How a job ended.
#[derive(Clone, Copy)]
struct End {
    /// As a shell says it: 128 and the signal's number for one that was killed.
    code: i32,
    after: Duration,
}

/// Set once; whoever stops a job waits for it.
#[derive(Default)]
struct Ended(Mutex<Option<End>>, Condvar);

struct Job {
    /// Its first process, and so its process group.
    pid: libc::pid_t,
    begin: Instant,
    ended: Arc<Ended>,
}

/// The jobs of a guest by name, those that are over included until they are stopped: an answer that is lost on a move
/// can be asked for again.
pub struct Jobs {
    runner: PathBuf,
    scripts: PathBuf,
    jobs: HashMap<String, Job>,
}

impl Jobs {
    /// `runner NAME` runs a job; there is one for each file in `scripts`.
    pub fn new(runner: impl Into<PathBuf>, scripts: impl Into<PathBuf>) -> Self {
        Self {
            runner: runner.into(),
            scripts: scripts.into(),
            jobs: HashMap::new(),
        }
    }

    /// Does what a line about `name` asks; its answer.
    pub fn apply(&mut self, name: &str, action: &JobAction) -> Result<String, String> {
        match action {
            JobAction::Start => {
                self.start(name)?;
                Ok(format!("ok job {name} start"))
            }
            JobAction::Stop => {
                self.stop(name);
                Ok(format!("ok job {name} stop"))
            }
            JobAction::Status { ask } => {
                let ask = ask.map_or(String::new(), |number| format!(" ask={number}"));
                Ok(format!("ok job {name} {}{ask}", self.status(name)))
            }
        }
    }

    /// Once, until it is stopped: a line that is sent twice starts one job.
    fn start(&mut self, name: &str) -> Result<(), String> {
        if self.jobs.contains_key(name) {
            return Err("was started already: stop it first".to_owned());
        }
        let script = self.scripts.join(name);
        if !script.is_file() {
            return Err(format!(
                "there is no {}: has the guest a root disk (shoal.root=)?",
                script.display()
            ));
        }
        let begin = Instant::now();
        let child = Command::new(&self.runner)
            .arg(name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.runner.display()))?;
        let pid = child.id() as libc::pid_t;
        let ended = Arc::new(Ended::default());
        let to_tell = ended.clone();
        std::thread::spawn(move || wait(child, begin, &to_tell));
        let job = Job { pid, begin, ended };
        self.jobs.insert(name.to_owned(), job);
        Ok(())
    }

    fn status(&self, name: &str) -> String {
        let Some(job) = self.jobs.get(name) else {
            return "none".to_owned();
        };
        match *job.ended.0.lock().unwrap() {
            Some(End { code, after }) => format!("done {code} {}", after.as_millis()),
            None => format!("running {}", job.begin.elapsed().as_millis()),
        }
    }

    /// Ends it with all that it started, and forgets it.
    fn stop(&mut self, name: &str) {
        let Some(Job { pid, ended, .. }) = self.jobs.remove(name) else {
            return;
        };
        let Ended(end, changed) = &*ended;
        let mut end = end.lock().unwrap();
        if end.is_none() {
            signal_group(pid, libc::SIGTERM);
            end = changed
                .wait_timeout_while(end, STOP_GRACE, |end| end.is_none())
                .unwrap()
                .0;
        }
        if end.is_none() {
            signal_group(pid, libc::SIGKILL);
            drop(changed.wait_while(end, |end| end.is_none()).unwrap());
        }
    }
}

/// Waits for a job's first process, and ends what that left behind in its group.
fn wait(mut child: Child, begin: Instant, Ended(end, changed): &Ended) {
    let pid = child.id() as libc::pid_t;
    until_over(pid);
    let after = begin.elapsed();
    // Until it is waited for below, its number names no other group; whoever stops it looks at `end` first.
    let mut end = end.lock().unwrap();
    signal_group(pid, libc::SIGKILL);
    let code = child.wait().map_or(-1, code_of);
    *end = Some(End { code, after });
    changed.notify_all();
}

fn code_of(status: ExitStatus) -> i32 {
    let by_signal = status.signal().map_or(-1, |signal| 128 + signal);
    status.code().unwrap_or(by_signal)
}

/// Blocks until the process is over, and leaves it to be waited for.
fn until_over(pid: libc::pid_t) {
    loop {
        // SAFETY: siginfo_t is plain data, which waitid fills.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOWAIT;
            libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, flags)
        };
        let again = result != 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        if !again {
            return;
        }
    }
}

/// To every process of the group; that it is empty is nobody's loss.
fn signal_group(group: libc::pid_t, signal: libc::c_int) {
    // SAFETY: kill takes plain numbers; `group` is that of a child which nobody has waited for yet.
    unsafe { libc::kill(-group, signal) };
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
