//! Memory of the source that takes long to give back holds nobody up.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;
use shoal_pages::frame::Frame;

use crate::hostile_target::{PAGES, Scene};
use crate::release::take_all;
use crate::support::{ram, until};

/// A record that takes nothing more until somebody reads from it.
fn full_pipe(path: &Path) -> File {
    let name = std::ffi::CString::new(path.to_str().expect("a name")).expect("no zero byte");
    // SAFETY: the string lives through the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let mut pipe = options
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .expect("a pipe");
    // SAFETY: a system call without memory effects, on an open descriptor.
    let room = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    assert_eq!(room, 4096);
    pipe.write_all(&[0; 4096]).expect("room for so much");
    pipe
}

#[test]
fn giving_memory_back_holds_up_neither_who_asks_for_it_nor_the_link() {
    for release_first in [true, false] {
        let mut scene = Scene::start(&json!(null));
        let mut link = take_all(&mut scene);
        let mut pipe = full_pipe(&scene.source.at("given"));
        let count = PAGES as u32;
        if release_first {
            assert_eq!(scene.control.ask("release")["ok"], true);
        }
        link.bulk.send(&Frame::Ack { first: 0, count });
        if !release_first {
            assert_eq!(scene.control.ask("release")["ok"], true);
        }
        assert_eq!(scene.control.ask("release")["ok"], true, "once more");
        link.bulk.send(&Frame::Complete);
        scene.control.event("complete");
        assert_eq!(ram::held(&scene.ram), PAGES, "it is not written down yet");
        assert_eq!(
            pipe.read(&mut [0; 4096]).expect("what it was filled with"),
            4096
        );
        until("it is given back", || ram::held(&scene.ram) == 0);
    }
}
