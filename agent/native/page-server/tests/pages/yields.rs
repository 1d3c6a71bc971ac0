//! Which threads of a target go before guests, and since when.

use std::fs;
use std::os::unix::net::UnixListener;

use shoal_pages::frame::Frame;

use crate::support::pair::Target;
use crate::support::peer::Source;
use crate::support::process::Process;
use crate::support::ram::page;
use crate::support::until;

/// How nice its two lanes are, the least first (proc_pid_stat(5), field 19).
fn niceness(process: &Process) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{}/task", process.child.id())).expect("it lives");
    let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let of_lane = |stat: String| {
        let (name, rest) = stat.rsplit_once(") ")?;
        let nice = rest.split(' ').nth(16)?.parse().ok()?;
        name.ends_with("(lane").then_some(nice)
    };
    let mut found: Vec<i32> = stats.filter_map(of_lane).collect();
    found.sort_unstable();
    found
}

/// What a thread gets that asks to go first; only root is given it.
fn first() -> i32 {
    // SAFETY: cannot fail, touches no memory.
    if unsafe { libc::geteuid() } == 0 {
        -15
    } else {
        0
    }
}

#[test]
fn bulk_goes_first_until_the_guest_runs_and_while_it_waits_for_a_page_and_behind_it_otherwise() {
    let mut target = Target::for_played_source("postcopy");
    let mut link = Source::link(&target.source.path, target.port, 1);
    link.announce(0b1111);
    let data = &page(0)[..];
    link.bulk.send(&Frame::Extent { first: 0, data });
    until("both go first", || {
        niceness(&target.process) == [first(), first()]
    });
    target.fetch.ask("resumed");
    for first in [1, 2] {
        link.bulk.send(&Frame::Extent { first, data });
    }
    until("bulk waits for guests, urgent pages do not", || {
        niceness(&target.process) == [first(), 5]
    });
    target.vmm.tell("read 3");
    until("it waits", || target.vmm.waiting() == 1);
    link.bulk.send(&Frame::Extent { first: 1, data });
    // Who may not go first does not come back from behind either.
    let again = if first() < 0 { first() } else { 5 };
    until("bulk goes first again", || {
        niceness(&target.process) == [first(), again]
    });
    link.bulk.send(&Frame::Extent { first: 3, data });
    until("bulk waits for guests again a moment later", || {
        link.bulk.send(&Frame::Extent { first: 2, data });
        niceness(&target.process) == [first(), 5]
    });
}

#[test]
fn the_stream_of_a_vmm_whose_pages_are_in_it_goes_first_to_its_end() {
    let mut target = Target::for_played_source("qemu-postcopy");
    let _vmm = UnixListener::bind(target.session.at("stream.sock")).expect("a socket");
    let mut link = Source::link(&target.source.path, target.port, 1);
    target.fetch.ask("resumed");
    let before = target.fetch.stat("streamBytes");
    for bytes in [&b"one"[..], b"two"] {
        link.bulk.send(&Frame::Stream(bytes));
    }
    until("both have come", || {
        target.fetch.stat("streamBytes") == before + 6
    });
    assert_eq!(niceness(&target.process), [first(), first()]);
}
