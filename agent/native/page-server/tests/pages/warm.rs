//! Engine `warm`: the memory goes while the guest runs; at the switch what it wrote since is missing, and nothing else.

use std::fs::OpenOptions;
use std::time::Duration;

use serde_json::{Value, json};
use shoal_pages::frame::Frame;
use shoal_pages::sys::file;

use crate::hostile_target::{self, refused_for_its_credit};
use crate::restarts::{again, port_of};
use crate::support::pair::{Pair, Wants};
use crate::support::proxy::BULK;
use crate::support::ram::{self, PAGE};
use crate::support::until;
use crate::support::vmm::Vmm;
use crate::watching::can_track;

/// A link of its own, the source's VMM, and a target that waits for the memory.
pub struct Scene {
    pub pair: Pair,
    pub guest: Vmm,
}

impl Scene {
    fn start(bytes_per_second: u64) -> Self {
        Self::of(
            ram::usual,
            json!({ "bulkBytesPerSecond": bytes_per_second }),
        )
    }

    pub fn of(is: fn(u64) -> ram::Is, mut keys: Value) -> Self {
        keys["engine"] = "warm".into();
        let pair = Pair::start(&Wants {
            is,
            keys,
            proxy: true,
            ..Wants::default()
        });
        let mut command = Vmm::command(&pair.source_ram, 4096, None);
        let guest = Vmm::start(&mut command, &pair.source_ram.with_extension("log"));
        guest.mapped();
        Self { pair, guest }
    }

    pub fn warmed(&mut self) -> Value {
        self.pair.serve.ask("warm");
        assert_eq!(self.pair.serve.event("watch")["on"], true);
        self.pair.serve.event("warmed")
    }

    /// The guest writes these pages over and over, and has written each of them.
    pub fn writes(&mut self, from: u64, to: u64, value: u8) {
        self.guest
            .tell(&format!("over-and-over {from} {to} {value}"));
        let ram = &self.pair.source_ram;
        until("it writes", || {
            let memory = std::fs::read(ram).expect("a RAM file");
            memory[from as usize * PAGE..to as usize * PAGE]
                .chunks(PAGE)
                .all(|page| page.starts_with(&[value; 64]))
        });
    }

    /// As for a VMM: it reads nothing before the target knows what is stale, since its stream is behind that.
    pub fn switch(&mut self) -> Value {
        self.guest.process.halt();
        let frozen = self.pair.freeze();
        let fetch = &mut self.pair.fetch;
        until("the map is there", || fetch.stat("dataPages") > 0);
        frozen
    }

    fn sent(&mut self, what: &str) -> u64 {
        self.pair.serve.stat(what) / PAGE as u64
    }
}

fn data_pages() -> u64 {
    (0..4096)
        .filter(|&page| ram::usual(page) == ram::Is::Data)
        .count() as u64
}

#[test]
fn a_guest_that_writes_nothing_is_there_before_the_switch_and_no_page_goes_twice() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(0);
    let warmed = scene.warmed();
    assert_eq!(warmed["duePages"], 0);
    assert_eq!(
        scene.sent("aheadBytes"),
        data_pages(),
        "zeros do not travel"
    );
    scene.switch();
    scene.pair.arrived();
    assert_eq!(scene.sent("dataBytes"), data_pages());
    assert_eq!(scene.pair.serve.stat("reconnects"), 0);
}

#[test]
fn what_the_guest_writes_after_it_was_sent_is_sent_again_and_only_that() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(0);
    scene.warmed();
    for page in [0, 3000, 4095] {
        scene.guest.ask(&format!("write {page} 77"));
    }
    let frozen = scene.switch();
    scene.pair.arrived();
    assert_eq!(scene.sent("dataBytes"), scene.sent("aheadBytes") + 3);
    let seen = (&frozen["hotBlocks"], &frozen["writtenPages"]);
    assert_eq!(seen, (&json!(3), &json!(3)));
}

#[test]
fn a_stale_page_waits_for_what_the_guest_wrote_last() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(0);
    scene.warmed();
    let half = 100..3000;
    scene.writes(half.start, half.end, 5);
    scene.switch();
    // Over bulk nothing of it has come yet, or has: in either case this is what is read.
    let wanted = ram::hash(&[5; PAGE]);
    for page in [2999, 100, 1500] {
        assert_eq!(scene.pair.vmm.read(page), wanted);
    }
    scene.pair.arrived();
}

#[test]
fn a_page_that_the_guest_gave_back_after_it_was_sent_is_zero_at_the_target() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(0);
    scene.warmed();
    let ram = OpenOptions::new().write(true).open(&scene.pair.source_ram);
    let page = PAGE as u64;
    file::punch(&ram.expect("a RAM file"), 64 * page, 3 * page).expect("room");
    scene.switch();
    assert_eq!(scene.pair.vmm.read(64), ram::hash(&[0; PAGE]));
    scene.pair.arrived();
}

#[test]
fn a_page_that_became_zero_after_it_was_sent_is_zero_at_the_target() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(4 << 20);
    scene.pair.serve.ask("warm");
    until("pages go ahead", || scene.sent("aheadBytes") > 40);
    // In the first pass they went as they were; the second one finds zeros.
    scene.guest.ask("write 3 0");
    scene.guest.ask("write 2 0");
    scene.pair.serve.event("warmed");
    scene.switch();
    scene.pair.arrived();
}

#[test]
fn a_link_that_is_cut_while_pages_go_ahead_costs_what_was_under_way_and_no_more() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(0);
    scene.pair.proxy().cut_after(BULK, 3 << 20);
    scene.warmed();
    assert!(scene.pair.proxy().is_cut(BULK));
    scene.switch();
    scene.pair.arrived();
    assert_eq!(scene.pair.serve.stat("reconnects"), 1);
    let twice = scene.sent("dataBytes") - data_pages();
    assert!((1..=128).contains(&twice), "{twice} pages went twice");
}

/// Found by chaos: a page server that took over dropped what the guest had written since.
#[test]
fn a_page_server_of_the_target_that_was_killed_drops_no_page_that_the_guest_has_written() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(4 << 20);
    scene.writes(0, 2048, 5);
    scene.warmed();
    scene.switch();
    scene.pair.fetch.ask("resumed");
    let port = port_of(&scene.pair);
    scene.pair.vmm.ask("write 2000 9");
    scene.pair.fetch_process.kill();
    scene.pair.vmm.tell("read 2040");
    (scene.pair.fetch_process, scene.pair.fetch) = again(&scene.pair.target, "fetch", Some(port));
    assert_eq!(scene.pair.vmm.answer("read 2040"), ram::hash(&[5; PAGE]));
    scene.pair.fetch.event("complete");
    let memory = std::fs::read(&scene.pair.target_ram).expect("a RAM file");
    let page = |index: usize| &memory[index * PAGE..(index + 1) * PAGE];
    assert_eq!((page(1), page(2000)), (&[5; PAGE][..], &[9; PAGE][..]));
}

#[test]
fn whatever_the_guest_writes_and_whenever_the_link_is_cut_and_the_switch_comes_the_memory_is_the_same()
 {
    if !can_track() {
        return;
    }
    for seed in 0..10u64 {
        let mut scene = Scene::start(24 << 20);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        scene.pair.serve.ask("warm");
        for value in 1..4 {
            let from = random(3800);
            scene.writes(from, from + 1 + random(200), value as u8);
        }
        for _ in 0..random(3) {
            scene.pair.proxy().cut_after(BULK, random(2 << 20));
            std::thread::sleep(Duration::from_millis(random(60)));
        }
        for _ in 0..30 {
            let (page, value) = (random(4096), random(256));
            scene.guest.tell(&format!("write {page} {value}"));
        }
        std::thread::sleep(Duration::from_millis(random(600)));
        scene.switch();
        scene.pair.arrived();
    }
}

#[test]
fn a_source_that_cannot_tell_what_its_guest_writes_moves_it_like_post_copy() {
    let mut pair = Pair::start(&Wants {
        keys: json!({ "engine": "warm" }),
        ..Wants::default()
    });
    // There is no VMM whose writes could be noted.
    pair.serve.ask("warm");
    assert_eq!(pair.serve.event("watch")["on"], false);
    let warmed = pair.serve.event("warmed");
    assert_eq!(warmed["aheadBytes"], 0);
    pair.freeze();
    pair.arrived();
}

#[test]
fn a_guest_that_writes_faster_than_the_link_takes_is_switched_after_one_pass() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(8 << 20);
    for (at, value) in [(0, 1), (1024, 2), (2048, 3), (3072, 4)] {
        scene.writes(at, at + 1024, value);
    }
    let warmed = scene.warmed();
    assert_eq!(warmed["passes"], 1);
    assert!(warmed["duePages"].as_u64() > Some(2048), "{warmed}");
    scene.switch();
    scene.pair.arrived();
}

#[test]
fn a_target_that_credits_what_it_was_not_sent_is_refused_while_pages_go_ahead() {
    if !can_track() {
        return;
    }
    let mut scene = hostile_target::Scene::start(&json!({ "engine": "warm" }));
    let ram = scene.source.path.with_file_name("ram");
    let mut command = Vmm::command(&ram, hostile_target::PAGES, None);
    let guest = Vmm::start(&mut command, &ram.with_extension("log"));
    guest.mapped();
    let mut link = scene.link();
    scene.control.ask("warm");
    until("a page goes ahead", || {
        matches!(link.bulk.next(), Ok(Frame::Ahead { .. }))
    });
    link.bulk.send(&Frame::Credit { bytes: 1 << 30 });
    refused_for_its_credit(&mut link.bulk, &scene.control);
    assert!(scene.process.is_alive());
}
