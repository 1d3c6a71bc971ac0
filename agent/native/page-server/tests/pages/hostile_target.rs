//! A target that has the right key and means harm: the source ends the link with one clear error and lives.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use shoal_pages::frame::{Frame, Lane};

use crate::support::control::Control;
use crate::support::dir::Dir;
use crate::support::peer::{Peer, Sink, hello};
use crate::support::process::Process;
use crate::support::ram::{self, Is};
use crate::support::session::SessionDir;
use crate::support::until;

pub const PAGES: u64 = 256;

/// What is sent, with a word of the error that it brings.
type Harm = fn(&mut Sink);

/// A real source whose target the test plays.
pub struct Scene {
    pub control: Control,
    pub process: Process,
    pub listener: TcpListener,
    pub target: SessionDir,
    pub source: SessionDir,
    pub ram: std::path::PathBuf,
    _dir: Dir,
}

impl Scene {
    pub fn start(keys: &serde_json::Value) -> Self {
        Self::of(
            keys,
            |page| if page % 64 == 7 { Is::Zero } else { Is::Data },
        )
    }

    pub fn of(keys: &serde_json::Value, is: fn(u64) -> Is) -> Self {
        let dir = Dir::new();
        let [source, target] = ["serve", "fetch"].map(|name| SessionDir::new(dir.at(name)));
        ram::make(&dir.at("ram"), PAGES, is);
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let mut json = source.json("serve", &target.cert_sha256, &dir.at("ram"), PAGES);
        json["port"] = listener.local_addr().expect("an address").port().into();
        for (key, value) in keys.as_object().into_iter().flatten() {
            json[key] = value.clone();
        }
        source.write(&json);
        target.write(&target.json("fetch", &source.cert_sha256, &dir.at("ram"), PAGES));
        let process = Process::pages("serve", &source.path);
        let control = Control::connect(&source.at("control.sock"));
        Self {
            control,
            process,
            listener,
            target,
            source,
            ram: dir.at("ram"),
            _dir: dir,
        }
    }

    pub fn link(&self) -> Sink {
        let link = Sink::link(&self.target.path, &self.listener);
        self.control.peer(true);
        link
    }
}

#[test]
fn nothing_goes_ahead_of_the_switch_to_a_target_that_has_pages_of_the_memory_that_stands() {
    let mut scene = Scene::start(&serde_json::json!({ "engine": "warm" }));
    let mut link = Sink::greeted(&scene.target.path, &scene.listener);
    link.bulk.send(&Frame::Installed {
        first: 0,
        bits: &[1],
    });
    link.bulk.send(&Frame::Resume { complete: false });
    scene.control.peer(true);
    let answer = scene.control.ask("warm");
    assert_eq!(answer["code"], "frozen", "{answer}");
    assert!(
        scene
            .control
            .all(|line| line["event"] == "warmed")
            .is_empty()
    );
}

#[test]
fn frames_that_no_target_sends_end_the_link_and_the_source_lives() {
    let harms: [(&str, Harm); 8] = [
        ("before the memory was frozen", |link| {
            link.urgent.send(&Frame::Fault { page: 1 });
        }),
        ("before the memory was frozen", |link| {
            link.bulk.send(&Frame::Complete);
        }),
        ("no page", |link| {
            link.urgent.send(&Frame::Fault { page: PAGES })
        }),
        ("no page", |link| {
            link.urgent.send(&Frame::Fault { page: u64::MAX })
        }),
        ("no page", |link| link.urgent.send(&Frame::Complete)),
        ("only a source sends", |link| {
            link.bulk.send(&Frame::MapEnd { data_pages: 0 });
        }),
        ("unknown type 77", |link| link.bulk.raw(&[0, 0, 0, 0, 77])),
        ("a frame of 4294967295 bytes", |link| {
            link.bulk.raw(&[0xff, 0xff, 0xff, 0xff, 10]);
        }),
    ];
    let mut scene = Scene::start(&serde_json::Value::Null);
    for (at, (word, harm)) in harms.iter().enumerate() {
        let mut link = scene.link();
        harm(&mut link);
        assert!(link.bulk.is_ended() && link.urgent.is_ended());
        until("the error is told", || {
            scene.control.errors("peer").len() > at
        });
        let error = scene.control.errors("peer").swap_remove(at);
        let message = error["message"].as_str().expect("a sentence");
        assert!(message.contains(word), "harm {at}: {message}");
        assert_eq!(error["fatal"], false);
    }
    assert_eq!(scene.control.errors("peer").len(), harms.len());
    assert!(scene.process.is_alive());
    assert_eq!(scene.control.ask("freeze")["ok"], true);
    let mut link = scene.link();
    link.urgent.send(&Frame::Fault { page: 3 });
    assert!(matches!(
        link.urgent.next(),
        Ok(Frame::Page { page: 3, .. })
    ));
}

#[test]
fn a_target_that_begins_wrongly_is_refused_for_good() {
    let harms: [(&str, Harm); 4] = [
        ("what it has is more than the memory", |link| {
            for _ in 0..2 {
                link.bulk.send(&Frame::Installed {
                    first: 0,
                    bits: &[0; PAGES as usize / 8],
                });
            }
        }),
        ("what it has lies outside the memory", |link| {
            link.bulk.send(&Frame::Installed {
                first: u64::MAX - 7,
                bits: &[0, 0xff],
            });
        }),
        ("what it has lies outside the memory", |link| {
            link.bulk.send(&Frame::Installed {
                first: PAGES,
                bits: &[1],
            });
        }),
        ("did not say what it has", |link| {
            link.bulk.send(&Frame::Complete)
        }),
    ];
    for (word, harm) in harms {
        let mut scene = Scene::start(&serde_json::Value::Null);
        let mut link = Sink::greeted(&scene.target.path, &scene.listener);
        harm(&mut link);
        assert!(link.bulk.is_ended());
        assert_eq!(scene.process.end().code(), Some(1));
        let said = scene.process.said();
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_target_that_mixes_up_its_lanes_is_refused() {
    let mut scene = Scene::start(&serde_json::Value::Null);
    let mut link = Sink::answered(
        &scene.target.path,
        &scene.listener,
        |session, lane, attempt| {
            let other = if lane == Lane::Bulk {
                Lane::Urgent
            } else {
                Lane::Bulk
            };
            hello(session, other, attempt)
        },
    );
    assert!(link.bulk.is_ended());
    assert_eq!(scene.process.end().code(), Some(1));
    assert!(
        scene.process.said().contains("another connection"),
        "{}",
        scene.process.said()
    );
}

#[test]
fn a_target_that_says_nothing_is_given_up_and_tried_again() {
    let scene = Scene::start(&serde_json::Value::Null);
    let mut mute = Sink::greeted(&scene.target.path, &scene.listener);
    assert!(mute.bulk.is_ended());
    scene.link();
}

#[test]
fn a_target_that_is_gone_on_either_connection_is_not_waited_for_on_the_other() {
    let scene = Scene::start(&serde_json::Value::Null);
    for lane in [Lane::Urgent, Lane::Bulk] {
        let Sink { urgent, bulk } = Sink::greeted(&scene.target.path, &scene.listener);
        let (gone, mut left) = match lane {
            Lane::Urgent => (urgent, bulk),
            Lane::Bulk => (bulk, urgent),
        };
        let begun = Instant::now();
        drop(gone);
        assert!(left.is_ended());
        let took = begun.elapsed();
        // It gives 5 s to a target that says nothing.
        assert!(took < Duration::from_secs(3), "{lane:?}: {took:?}");
    }
    scene.link();
}

/// The source has ended the link of a target that credits what it was not sent, and says why.
pub fn refused_for_its_credit(bulk: &mut Peer, control: &Control) {
    assert!(bulk.is_ended());
    let error = control.error("peer");
    let message = error["message"].as_str().expect("a sentence");
    assert!(
        message.contains("credits what it was not sent"),
        "{message}"
    );
}
