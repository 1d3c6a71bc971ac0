//! Bytes of others into every decoder, bent at random from good ones (docs/decisions/0020). What an input does that none
//! before it did is kept to be bent further: the target says what it saw; built by `npm run fuzz -- --native`, every edge of
//! the code counts as well.
//!
//! `SHOAL_FUZZ_SECONDS` of each target instead of a fixed number of inputs, `SHOAL_FUZZ_SEED` instead of the usual seed.

mod maps;
mod mutate;
mod seeds;
mod targets;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mutate::Chance;

/// Fails by a panic. Answers a number for what it saw: as few for all inputs as there are ways through the code.
type Target = fn(&[u8]) -> u64;

/// Of each target in a usual run: all together take some seconds.
const INPUTS: u64 = 200_000;
const SEED: u64 = 20;
/// A few pages and the frames around them.
const INPUT_MAX: usize = 1 << 14;
/// How often the clock is looked at.
const BATCH: u64 = 256;

struct Run {
    name: &'static str,
    target: Target,
    seen: BTreeSet<u64>,
    corpus: Vec<Vec<u8>>,
}

impl Run {
    /// One input. Kept where it shows something new.
    fn feed(&mut self, input: &[u8]) {
        let target = self.target;
        let Ok(saw) = catch_unwind(|| target(input)) else {
            let kept = keep(self.name, input);
            panic!(
                "{} fails: the input is kept in {}",
                self.name,
                kept.display()
            );
        };
        let mut new = self.seen.insert(saw);
        edges(|edge| new |= self.seen.insert(edge));
        if new {
            self.corpus.push(input.to_vec());
        }
    }
}

/// Taken by the last input, with the power of two of how often; apart from all that a target answers.
#[cfg(shoal_coverage)]
fn edges(mut edge: impl FnMut(u64)) {
    crate::sys::coverage::take(|at, count| {
        edge(1 << 63 | (at as u64) << 3 | u64::from(count.ilog2()))
    });
}

#[cfg(not(shoal_coverage))]
fn edges(_: impl FnMut(u64)) {}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no whole number")),
    )
}

/// Inputs that failed once. Fed before any other.
fn found() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/found")
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let hash = ring::digest::digest(&ring::digest::SHA256, input);
    let hash = crate::session::hex(&hash.as_ref()[..4]);
    let path = found().join(format!("{name}-{hash}.bin"));
    std::fs::create_dir_all(found()).expect("a directory for what is found");
    std::fs::write(&path, input).expect("the input is kept");
    path
}

fn fuzz(name: &'static str, target: Target, seeds: Vec<Vec<u8>>) {
    let mut run = Run {
        name,
        target,
        seen: BTreeSet::new(),
        corpus: vec![],
    };
    for entry in std::fs::read_dir(found()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(name) {
            run.feed(&std::fs::read(entry.path()).expect("what was found can be read"));
        }
    }
    seeds.iter().for_each(|seed| run.feed(seed));
    // Also those that show nothing new by themselves.
    run.corpus.extend(seeds);
    let mut chance = Chance::new(number("SHOAL_FUZZ_SEED").unwrap_or(SEED));
    let until =
        number("SHOAL_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut inputs = 0;
    while until.map_or(inputs < INPUTS, |until| {
        inputs % BATCH > 0 || Instant::now() < until
    }) {
        let mut input = chance.of(&run.corpus).clone();
        for _ in 0..1 << chance.below(4) {
            mutate::bend(&mut input, &run.corpus, &mut chance);
        }
        input.truncate(INPUT_MAX);
        run.feed(&input);
        inputs += 1;
    }
    println!(
        "{name}: {inputs} inputs, {} that showed something new",
        run.corpus.len()
    );
}

#[test]
fn no_bytes_of_a_peer_break_the_reader_of_frames() {
    fuzz("frames", targets::frames, vec![seeds::frames()]);
}

#[test]
fn no_list_of_pages_or_map_of_a_peer_sets_what_is_not_there() {
    fuzz("maps", maps::maps, seeds::maps());
}

#[test]
fn no_page_ahead_of_the_switch_and_no_list_of_stale_ones_changes_what_it_may_not() {
    fuzz("warm", maps::warm, seeds::warm());
}

#[test]
fn no_session_file_is_taken_that_could_not_be_meant() {
    fuzz("session", targets::session, seeds::session());
}

#[test]
fn every_line_of_a_control_client_has_one_answer() {
    fuzz("control", targets::control, seeds::control());
}

#[test]
fn no_greeting_but_that_of_the_guest_arms_the_page_server() {
    fuzz("greeting", targets::greeting, vec![seeds::greeting()]);
}

#[test]
fn no_packed_extent_holds_anything_but_what_the_format_says() {
    fuzz("packed", targets::packed, seeds::packed());
}

#[test]
fn a_planted_fault_three_bytes_deep_is_found_and_kept() {
    fn planted(bytes: &[u8]) -> u64 {
        let depth = bytes
            .iter()
            .zip(b"key")
            .take_while(|(one, other)| one == other)
            .count();
        assert!(depth < 3, "planted");
        depth as u64
    }
    let failed = catch_unwind(|| fuzz("planted", planted, vec![b"...".to_vec()]));
    let message = failed.expect_err("it is found");
    let message = message.downcast_ref::<String>().expect("a sentence");
    let path = message.rsplit(' ').next().expect("its path");
    let kept = std::fs::read(path).expect("it is kept");
    std::fs::remove_file(path).expect("its file goes");
    assert!(kept.starts_with(b"key"));
}
