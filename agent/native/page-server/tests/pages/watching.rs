//! What the guest writes over and over is known at the source, where the kernel can tell (Linux 6.7), and goes first.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shoal_pages::frame::Frame;
use shoal_pages::sys::pagemap::Pagemap;
use shoal_pages::sys::reclaim;
use shoal_pages::sys::uffd::Uffd;

use crate::hostile_target::{PAGES, Scene};
use crate::support::control::Control;
use crate::support::dir::Dir;
use crate::support::pair::{Pair, Target, Wants};
use crate::support::peer::Peer;
use crate::support::process::Process;
use crate::support::ram::{self, PAGE};
use crate::support::session::uid;
use crate::support::until;
use crate::support::vmm::Vmm;

/// Linux before 6.7 cannot tell, and then nothing is asked of it here but that the move goes on.
pub fn can_track() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel");
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|word| word.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(7))
}

pub fn vmm_over(ram: &Path, pages: u64, log: &Path) -> Vmm {
    let vmm = Vmm::start(&mut Vmm::command(ram, pages, None), log);
    vmm.mapped();
    vmm
}

pub fn ram_of(scene: &Scene) -> PathBuf {
    scene.source.path.with_file_name("ram")
}

/// Whether the kernel notes what the process writes to the file (`uw` in `VmFlags`, proc_pid_smaps(5)).
fn is_tracked(vmm: &Vmm, ram: &Path) -> bool {
    let smaps = fs::read_to_string(format!("/proc/{}/smaps", vmm.process.child.id()));
    let smaps = smaps.expect("it is there");
    let own = smaps
        .split(&*ram.to_string_lossy())
        .nth(1)
        .expect("its RAM");
    let flags = own.lines().find(|line| line.starts_with("VmFlags"));
    flags.expect("flags").split(' ').any(|flag| flag == "uw")
}

/// Its guest writes these pages over and over until it stands, while the page server looks on.
pub fn write_and_halt(vmm: &mut Vmm, serve: &mut Control, ranges: &[(u64, u64)], ram: &Path) {
    serve.ask("watch");
    assert_eq!(
        serve.event("watch"),
        json!({ "event": "watch", "on": true, "detail": "" })
    );
    for (from, to) in ranges {
        vmm.tell(&format!("over-and-over {from} {to} 99"));
    }
    until("it writes", || {
        let memory = fs::read(ram).expect("a RAM file");
        ranges.iter().all(|&(from, to)| {
            memory[from as usize * PAGE..to as usize * PAGE]
                .iter()
                .all(|&b| b == 99)
        })
    });
    let seen = serve.stat("samples");
    until("samples are taken", || serve.stat("samples") > seen + 1);
    vmm.process.halt();
}

/// First pages of the next `count` pieces of memory on bulk.
pub fn pieces(bulk: &mut Peer, count: usize) -> Vec<u64> {
    let mut firsts = vec![];
    while firsts.len() < count {
        if let Frame::Extent { first, .. } = bulk.next().expect("more memory") {
            firsts.push(first);
        }
    }
    firsts
}

#[test]
fn exactly_the_pages_that_the_guest_wrote_since_the_last_look_are_told() {
    if !can_track() {
        return;
    }
    let dir = Dir::new();
    let ram = dir.at("ram");
    ram::make(&ram, PAGES, ram::usual);
    let mut vmm = vmm_over(&ram, PAGES, &dir.at("log"));
    vmm.ask("write 3 1");
    let found = reclaim::find(&ram, uid())
        .expect("the right")
        .expect("the VMM");
    assert!(!found.watched);
    let (uffd, base) = (Uffd::new(found.fd).expect("one"), found.base);
    let pagemap = Pagemap::open(found.pid).expect("the right");
    let len = PAGES * PAGE as u64;
    assert!(pagemap.written(base, len).is_err(), "not tracked yet");
    uffd.track_writes(base, len).expect("Linux 6.7");
    pagemap.written(base, len).expect("Linux 6.7");
    assert_eq!(pagemap.written(base, len).expect("again"), []);
    // Among them one that was a hole.
    for page in [3, 4, 11, 250] {
        vmm.ask(&format!("write {page} 2"));
    }
    vmm.read(100);
    assert_eq!(
        pagemap.written(base, len).expect("again"),
        [(3, 5), (11, 12), (250, 251)]
    );
    assert_eq!(pagemap.written(base, len).expect("again"), []);
    uffd.unregister(base, len).expect("it was registered");
    assert!(pagemap.written(base, len).is_err(), "not tracked any more");
    vmm.ask("write 5 2");
}

#[test]
fn more_runs_than_the_kernel_tells_at_once_are_all_told() {
    if !can_track() {
        return;
    }
    const MANY: u64 = 4096;
    let dir = Dir::new();
    let ram = dir.at("ram");
    ram::make(&ram, MANY, ram::usual);
    let mut vmm = vmm_over(&ram, MANY, &dir.at("log"));
    let found = reclaim::find(&ram, uid())
        .expect("the right")
        .expect("the VMM");
    let (uffd, base) = (Uffd::new(found.fd).expect("one"), found.base);
    let pagemap = Pagemap::open(found.pid).expect("the right");
    uffd.track_writes(base, MANY * PAGE as u64)
        .expect("Linux 6.7");
    pagemap
        .written(base, MANY * PAGE as u64)
        .expect("Linux 6.7");
    let odd: Vec<u64> = (0..1500).map(|n| 2 * n + 1).collect();
    odd.iter()
        .for_each(|page| vmm.tell(&format!("write {page} 2")));
    for page in &odd {
        vmm.answer(&format!("write {page} 2"));
    }
    let runs: Vec<(u64, u64)> = odd.iter().map(|&page| (page, page + 1)).collect();
    assert_eq!(
        pagemap.written(base, MANY * PAGE as u64).expect("again"),
        runs
    );
}

#[test]
fn what_the_guest_writes_over_and_over_comes_before_the_rest_and_tracking_ends_with_the_handoff() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(&Value::Null);
    let ram = ram_of(&scene);
    let mut vmm = vmm_over(&ram, PAGES, &ram.with_file_name("vmm.log"));
    let mut link = scene.link();
    write_and_halt(&mut vmm, &mut scene.control, &[(160, 164), (41, 42)], &ram);
    assert!(is_tracked(&vmm, &ram));
    assert_eq!(scene.control.ask("freeze")["hotBlocks"], 2);
    let mut first = pieces(&mut link.bulk, 3);
    assert_eq!(first.pop(), Some(0), "then the rest");
    first.sort_unstable();
    assert_eq!(first, [32, 160], "each with its block");
    scene.control.ask("quit");
    scene.process.end();
    assert!(!is_tracked(&vmm, &ram), "the guest writes as before");
}

#[test]
fn a_handoff_that_ends_before_the_freeze_leaves_nothing_tracked() {
    if !can_track() {
        return;
    }
    let mut scene = Scene::start(&Value::Null);
    let ram = ram_of(&scene);
    let mut vmm = vmm_over(&ram, PAGES, &ram.with_file_name("vmm.log"));
    scene.control.ask("watch");
    scene.control.event("watch");
    assert!(is_tracked(&vmm, &ram));
    scene.control.ask("quit");
    scene.process.end();
    assert!(!is_tracked(&vmm, &ram));
    vmm.ask("write 5 2");
}

#[test]
fn where_nobody_can_tell_what_the_guest_writes_it_is_said_once_and_the_memory_goes_by_address() {
    let mut scene = Scene::start(&Value::Null);
    let mut link = scene.link();
    assert_eq!(scene.control.ask("watch")["ok"], true);
    let said = scene.control.event("watch");
    assert_eq!(said["on"], false);
    assert!(
        said["detail"]
            .as_str()
            .is_some_and(|why| why.contains("no VMM")),
        "{said}"
    );
    assert_eq!(scene.control.ask("freeze")["hotBlocks"], 0);
    assert_eq!(pieces(&mut link.bulk, 1), [0]);
}

#[test]
fn the_other_orders_watch_nothing() {
    for order in ["windows", "sequential"] {
        let mut scene = Scene::start(&json!({ "order": order }));
        let ram = ram_of(&scene);
        let vmm = vmm_over(&ram, PAGES, &ram.with_file_name("vmm.log"));
        scene.control.ask("watch");
        assert_eq!(scene.control.ask("freeze")["hotBlocks"], 0);
        assert!(!is_tracked(&vmm, &ram), "{order}");
        assert!(
            scene
                .control
                .all(|line| line["event"] == "watch")
                .is_empty()
        );
    }
}

#[test]
fn a_vm_that_came_by_post_copy_is_watched_when_it_goes_on_and_its_memory_arrives_identical() {
    let wants = Wants::default();
    let mut came = Pair::start(&wants);
    came.freeze();
    came.arrived();
    let mut next = Target::start(&wants);
    let peer = &next.session.cert_sha256;
    let mut json = next
        .source
        .json("serve", peer, &came.target_ram, wants.pages);
    json["port"] = next.port.into();
    next.source.write(&json);
    let _process = Process::pages("serve", &next.source.path);
    let mut serve = Control::connect(&next.source.at("control.sock"));
    serve.peer(true);
    if can_track() {
        write_and_halt(&mut came.vmm, &mut serve, &[(3000, 3040)], &came.target_ram);
        assert_eq!(serve.ask("freeze")["hotBlocks"], 3);
    } else {
        came.vmm.process.halt();
        serve.ask("freeze");
    }
    next.fetch.event("complete");
    ram::assert_same(&came.target_ram, &next.ram);
    let whole = fs::read(&came.target_ram).expect("a RAM file");
    assert_eq!(
        next.vmm.ask("sum"),
        ram::hash(&whole),
        "as the guest sees it"
    );
}
