//! Real processes: the runner of these tests is a shell that runs the script itself, without a root disk.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Far more than any of these jobs takes, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory with a runner and scripts; it goes with the test.
struct Scripts(PathBuf);

impl Scripts {
    fn new(scripts: &[(&str, &str)]) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("shoal-jobs-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let runner = format!("#!/bin/sh\ncd {} && . ./\"$1\"\n", dir.display());
        for (name, text) in [("runner", &*runner)].iter().chain(scripts) {
            fs::write(dir.join(name), text).unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(dir)
    }

    fn jobs(&self) -> Jobs {
        Jobs::new(self.0.join("runner"), &self.0)
    }

    /// What a job wrote into a file, once it has.
    fn text(&self, name: &str) -> String {
        within(|| {
            fs::read_to_string(self.0.join(name))
                .ok()
                .filter(|text| text.ends_with('\n'))
        })
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn within<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn status(jobs: &mut Jobs, name: &str) -> String {
    jobs.apply(name, &JobAction::Status { ask: None }).unwrap()
}

/// Code and milliseconds of a job, once it is over.
fn end(jobs: &mut Jobs, name: &str) -> (i32, u64) {
    let done = format!("ok job {name} done ");
    let figures = within(|| status(jobs, name).strip_prefix(&done).map(str::to_owned));
    let (code, ms) = figures.split_once(' ').unwrap();
    (code.parse().unwrap(), ms.parse().unwrap())
}

fn is_there(pid: &str) -> bool {
    // A process that is over and not yet waited for is there no more: its state is Z.
    fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('Z')
    })
}

#[test]
fn a_job_says_its_code_and_its_time_when_it_is_over() {
    let scripts = Scripts::new(&[("nap", "sleep 0.2; exit 7")]);
    let mut jobs = scripts.jobs();
    assert_eq!(status(&mut jobs, "nap"), "ok job nap none");
    assert_eq!(
        jobs.apply("nap", &JobAction::Start).unwrap(),
        "ok job nap start"
    );
    let running = status(&mut jobs, "nap");
    assert!(running.starts_with("ok job nap running "), "{running}");
    let (code, ms) = end(&mut jobs, "nap");
    assert!(code == 7 && ms >= 200, "{code} {ms}");
    assert_eq!(end(&mut jobs, "nap"), (code, ms), "its time stands");
}

#[test]
fn the_number_of_a_question_comes_back_behind_its_answer() {
    let mut jobs = Scripts::new(&[]).jobs();
    let answer = jobs.apply("nap", &JobAction::Status { ask: Some(9) });
    assert_eq!(answer.unwrap(), "ok job nap none ask=9");
}

#[test]
fn a_job_that_is_killed_has_the_code_that_a_shell_gives_it() {
    let scripts = Scripts::new(&[("hit", "kill -9 $$")]);
    let mut jobs = scripts.jobs();
    jobs.apply("hit", &JobAction::Start).unwrap();
    assert_eq!(end(&mut jobs, "hit").0, 137);
}

#[test]
fn a_job_runs_once_beside_others_until_it_is_stopped() {
    let scripts = Scripts::new(&[("a", "echo $$ >>a.pid; sleep 1000"), ("b", "exit 0")]);
    let mut jobs = scripts.jobs();
    jobs.apply("a", &JobAction::Start).unwrap();
    jobs.apply("b", &JobAction::Start).unwrap();
    assert_eq!(end(&mut jobs, "b").0, 0);
    for name in ["a", "b"] {
        let refused = jobs.apply(name, &JobAction::Start).unwrap_err();
        assert!(refused.contains("was started already"), "{refused}");
    }
    let first = scripts.text("a.pid");
    assert_eq!(jobs.apply("a", &JobAction::Stop).unwrap(), "ok job a stop");
    assert!(!is_there(&first));
    assert_eq!(status(&mut jobs, "a"), "ok job a none");
    jobs.apply("a", &JobAction::Stop).unwrap();
    jobs.apply("a", &JobAction::Start).unwrap();
    within(|| (scripts.text("a.pid").lines().count() == 2).then_some(()));
    jobs.apply("a", &JobAction::Stop).unwrap();
}

#[test]
fn a_job_that_heeds_no_term_is_stopped_with_all_that_it_started() {
    let text =
        "trap '' TERM; (while :; do sleep 1; done) & echo $! >child; while :; do sleep 1; done";
    let scripts = Scripts::new(&[("deaf", text)]);
    let mut jobs = scripts.jobs();
    jobs.apply("deaf", &JobAction::Start).unwrap();
    let child = scripts.text("child");
    assert!(is_there(&child));
    jobs.apply("deaf", &JobAction::Stop).unwrap();
    within(|| (!is_there(&child)).then_some(()));
}

#[test]
fn what_a_job_leaves_behind_ends_with_it() {
    let scripts = Scripts::new(&[("leaves", "sleep 1000 & echo $! >child; exit 3")]);
    let mut jobs = scripts.jobs();
    jobs.apply("leaves", &JobAction::Start).unwrap();
    let child = scripts.text("child");
    assert_eq!(end(&mut jobs, "leaves").0, 3);
    within(|| (!is_there(&child)).then_some(()));
}

#[test]
fn a_job_that_the_root_disk_does_not_have_is_refused_by_name() {
    let refused = Scripts::new(&[]).jobs().apply("bank", &JobAction::Start);
    let sentence = refused.unwrap_err();
    assert!(
        sentence.contains("bank") && sentence.contains("shoal.root="),
        "{sentence}"
    );
}
