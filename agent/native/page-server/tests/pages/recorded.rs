//! Where it is not known what the guest writes, its faults at the move that brought it say what goes first when it goes on.

use serde_json::json;
use shoal_pages::frame::Frame;

use crate::hostile_target::{PAGES, Scene};
use crate::support::pair::{Pair, Target, Wants};
use crate::support::ram::Is;
use crate::support::until;
use crate::support::vmm::Vmm;
use crate::watching::{can_track, pieces, ram_of, vmm_over, write_and_halt};

/// A target whose running guest touches pages of these before any other, in this order.
fn arrived_by_way_of(pages: &[u64]) -> Pair {
    let wants = Wants {
        pages: PAGES,
        is: |_| Is::Data,
        ..Wants::default()
    };
    let mut target = Target::start(&wants);
    target.fetch.ask("resumed");
    for (n, page) in pages.iter().enumerate() {
        target.vmm.tell(&format!("read {page}"));
        until("its fault is seen", || {
            let faulted = &target.fetch.ask("stats")["stats"]["faultedBlocks"];
            faulted.as_array().is_some_and(|blocks| blocks.len() > n)
        });
    }
    let mut came = target.pair(&wants);
    came.serve.peer(true);
    came.freeze();
    came.arrived();
    came
}

#[test]
fn where_no_writes_are_seen_what_the_guest_faulted_first_when_it_came_goes_first_when_it_goes_on() {
    let mut came = arrived_by_way_of(&[213, 40, 150]);
    let recorded = came.fetch.ask("stats")["stats"]["faultedBlocks"].clone();
    assert_eq!(recorded, json!([13, 2, 9]));
    // Its VMM is now one that was started without the preload, as doctor may find it.
    came.vmm.process.kill();
    let mut command = Vmm::command(&came.target_ram, PAGES, None);
    let vmm = Vmm::start(command.env_remove("LD_PRELOAD"), &came.target.at("vmm.log"));
    vmm.mapped();
    let mut scene = Scene::start(&json!({ "ramFile": came.target_ram, "hotBlocks": recorded }));
    let mut link = scene.link();
    scene.control.ask("watch");
    assert_eq!(scene.control.event("watch")["on"], false);
    vmm.process.halt();
    let frozen = scene.control.ask("freeze");
    assert_eq!(
        (&frozen["hotBlocks"], &frozen["writtenPages"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(pieces(&mut link.bulk, 3), [208, 32, 144]);
    link.bulk.send(&Frame::Credit { bytes: 1 << 20 });
    assert_eq!(pieces(&mut link.bulk, 1), [0]);
}

#[test]
fn what_the_guest_faulted_first_when_it_came_counts_for_nothing_where_its_writes_are_seen_or_the_order_is_another()
 {
    let recorded = json!([13, 2, 9]);
    if can_track() {
        let mut scene = Scene::start(&json!({ "hotBlocks": recorded }));
        let ram = ram_of(&scene);
        let mut vmm = vmm_over(&ram, PAGES, &ram.with_file_name("vmm.log"));
        let mut link = scene.link();
        write_and_halt(&mut vmm, &mut scene.control, &[(160, 164)], &ram);
        assert_eq!(scene.control.ask("freeze")["hotBlocks"], 1);
        assert_eq!(pieces(&mut link.bulk, 2), [160, 0]);
    }
    let mut scene = Scene::start(&json!({ "hotBlocks": recorded, "order": "windows" }));
    let mut link = scene.link();
    assert_eq!(scene.control.ask("freeze")["hotBlocks"], 0);
    assert_eq!(pieces(&mut link.bulk, 1), [0]);
}
