//! Disks that write into guest memory by themselves: what the preload makes of their reads (`tests/disk.c`).

use std::path::Path;
use std::process::Command;

use crate::support::dir::Dir;
use crate::watching::can_track;

#[test]
fn a_page_that_a_disk_fills_by_itself_counts_as_written_when_the_read_is_over() {
    if !can_track() {
        return;
    }
    let dir = Dir::new();
    let program = dir.at("disk");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/disk.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let built = Command::new(compiler)
        .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&program, Path::new(source)])
        .status();
    assert!(built.expect("a C compiler").success());
    let ran = Command::new(&program).output().expect("it was built");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
}
