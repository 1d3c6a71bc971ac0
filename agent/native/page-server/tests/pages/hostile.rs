//! `examples/hostile` set on the real page servers: neither ends, grows, installs or loses anything, whatever it says.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shoal_pages::frame::{Frame, Lane};

use crate::support::control::Control;
use crate::support::dir::Dir;
use crate::support::pair::{Target, Wants};
use crate::support::peer::{Sink, Source};
use crate::support::process::Process;
use crate::support::ram::{self, Is, PAGE};
use crate::support::session::SessionDir;
use crate::support::until;
use crate::support::vmm::{Vmm, built};
use crate::watching::can_track;

/// Some hundred links with two handshakes each, on a machine that does other things as well.
const ATTACK_MAX: Duration = Duration::from_secs(120);
/// Links leave threads behind for a moment, and their stacks and arenas to the allocator.
const GROWN_MAX_KIB: u64 = 16 << 10;

fn attack(role: &str, dir: &Path, port: u16, links: u32, seed: u32) {
    let mut command = Command::new(built("examples/hostile"));
    command.arg(role).arg(dir).stdout(Stdio::null());
    command.args([u32::from(port), links, seed].map(|number| number.to_string()));
    let mut process = Process::start(&mut command, &dir.join("hostile.log"));
    let begun = Instant::now();
    while process.is_alive() && begun.elapsed() < ATTACK_MAX {
        thread::sleep(Duration::from_millis(5));
    }
    let code = (!process.is_alive())
        .then(|| process.end().code())
        .flatten();
    assert_eq!(code, Some(0), "{}", process.said());
}

/// Of a process: resident KiB, threads, descriptors.
struct Size([u64; 3]);

impl Size {
    fn of(process: &Process) -> Self {
        let dir = format!("/proc/{}", process.child.id());
        let status = std::fs::read_to_string(format!("{dir}/status")).expect("it is there");
        let figure = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_ascii_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .expect("a figure")
        };
        let descriptors = std::fs::read_dir(format!("{dir}/fd"))
            .expect("it is there")
            .count();
        Self([figure("VmRSS:"), figure("Threads:"), descriptors as u64])
    }

    fn is_kept(&self, process: &mut Process) {
        assert!(process.is_alive(), "{}", process.said());
        let Self([rss, threads, descriptors]) = *self;
        let mut now = [0; 3];
        until("threads and descriptors go", || {
            Self(now) = Self::of(process);
            now[1] <= threads + 2 && now[2] <= descriptors + 4
        });
        assert!(now[0] < rss + GROWN_MAX_KIB, "{rss} KiB became {}", now[0]);
    }
}

/// Why links ended, of a page server that was told them since it started.
fn reasons(control: &Control, word: &str) -> usize {
    let is = |line: &Value| {
        line["detail"]
            .as_str()
            .is_some_and(|why| why.contains(word))
    };
    control.all(|line| line["up"] == false && is(line)).len()
}

#[test]
fn a_hostile_source_installs_nothing_and_the_right_one_is_served_after_it() {
    set_on_a_target("postcopy", 240);
}

#[test]
fn a_hostile_source_writes_nothing_ahead_of_the_switch_and_the_right_one_is_served_after_it() {
    let target = set_on_a_target("warm", 60);
    let ahead = reasons(&target.fetch, "sent pages ahead that it may not");
    let stale = reasons(&target.fetch, "stale pages lie outside the memory");
    // Ten and three of the cases that only this engine knows, in both attacks; and of those that are drawn by their seeds, one
    // stale list.
    assert_eq!((ahead, stale), (20, 6 + 1));
}

fn set_on_a_target(engine: &str, links: u32) -> Target {
    let mut target = Target::start(&Wants {
        keys: json!({ "engine": engine }),
        ..Wants::default()
    });
    let peer = &target.session.cert_sha256;
    let mut session = target.source.json("serve", peer, &target.ram, 4096);
    session["engine"] = engine.into();
    target.source.write(&session);
    let vmm = UnixListener::bind(target.session.at("stream.sock")).expect("a socket");
    thread::spawn(move || {
        for mut stream in vmm.incoming().flatten() {
            let _ = stream.read_to_end(&mut vec![]);
        }
    });
    let source = &target.source.path;
    attack("source", source, target.port, 40, 1);
    let before = Size::of(&target.process);
    attack("source", source, target.port, links, 2);
    before.is_kept(&mut target.process);
    assert_eq!(ram::held(&target.ram), 0, "nothing is in place");
    let ends = target
        .fetch
        .all(|line| line["event"] == "error" && line["code"] != "stranger");
    assert_eq!(ends, Vec::<Value>::new());
    assert!(
        target
            .fetch
            .all(|line| line["event"] == "complete")
            .is_empty()
    );
    // What it announced: pages 0 and 1.
    let mut link = Source::link(source, target.port, 1 << 30);
    let data = [ram::page(0), ram::page(1)].concat();
    link.bulk.send(&Frame::Extent {
        first: 0,
        data: &data,
    });
    target.fetch.event("complete");
    assert_eq!(target.vmm.read(1), ram::hash(&ram::page(1)));
    assert_eq!(target.vmm.read(2), ram::hash(&[0; PAGE]));
    target
}

#[test]
fn a_hostile_target_ends_no_source_and_the_right_one_is_served_after_it() {
    set_on_a_source("postcopy");
}

#[test]
fn a_hostile_target_that_credits_what_it_was_not_sent_ends_no_source_of_a_running_guest() {
    if can_track() {
        let refused = set_on_a_source("warm");
        let credits = |error: &&Value| {
            error["message"]
                .to_string()
                .contains("credits what it was not sent")
        };
        let credits = refused.iter().filter(credits).count();
        assert_eq!(credits, 5, "{refused:?}");
    }
}

/// Answers what the source said of it.
fn set_on_a_source(engine: &str) -> Vec<Value> {
    let dir = Dir::new();
    let [source, target] = ["serve", "fetch"].map(|name| SessionDir::new(dir.at(name)));
    ram::make(&dir.at("ram"), 256, |_| Is::Data);
    let held = ram::held(&dir.at("ram"));
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
    let port = address.expect("a port").port();
    let mut json = source.json("serve", &target.cert_sha256, &dir.at("ram"), 256);
    json["port"] = port.into();
    json["engine"] = engine.into();
    source.write(&json);
    let mut json = target.json("fetch", &source.cert_sha256, &dir.at("ram"), 256);
    json["engine"] = engine.into();
    target.write(&json);
    let guest = Vmm::start(
        &mut Vmm::command(&dir.at("ram"), 256, None),
        &dir.at("vmm.log"),
    );
    guest.mapped();
    let mut process = Process::pages("serve", &source.path);
    let mut control = Control::connect(&source.at("control.sock"));
    if engine == "warm" {
        control.ask("warm");
        assert_eq!(control.event("watch")["on"], true);
        attack("target", &target.path, port, 6, 1);
        // What else there is needs no page that came ahead.
        json["engine"] = "postcopy".into();
        target.write(&json);
    }
    attack("target", &target.path, port, 12, 1);
    let before = Size::of(&process);
    attack("target", &target.path, port, 30, 2);
    assert_eq!(control.ask("freeze")["ok"], true);
    attack("target", &target.path, port, 30, 3);
    before.is_kept(&mut process);
    let refused = control.errors("peer");
    assert!(refused.len() > 20, "each breach is told: {refused:?}");
    assert!(refused.iter().all(|error| error["fatal"] == false));
    assert_eq!(ram::held(&dir.at("ram")), held, "no memory is given away");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("its port");
    let mut link = Sink::link(&target.path, &listener);
    link.urgent.send(&Frame::Fault { page: 3 });
    let answer = link.urgent.next();
    assert!(
        matches!(&answer, Ok(Frame::Page { page: 3, data }) if *data == ram::page(3)),
        "{:?}: {answer:?}",
        Lane::Urgent
    );
    refused
}
