//! The preload and the descriptor: who may hand it over, and that the guest waits rather than read what is not there.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::json;

use crate::support::control::Control;
use crate::support::dir::Dir;
use crate::support::pair::{Pair, Target, Wants};
use crate::support::process::Process;
use crate::support::ram;
use crate::support::sanitized::sanitize;
use crate::support::session::{SessionDir, uid};
use crate::support::vmm::Vmm;
use crate::support::{PATIENCE, until};

/// A target that waits for its VMM.
struct Scene {
    fetch: Control,
    process: Process,
    session: SessionDir,
    dir: Dir,
}

const PAGES: u64 = 64;

fn scene(vmm_uid: u32) -> Scene {
    let dir = Dir::new();
    let session = SessionDir::new(dir.at("fetch"));
    let mut json = session.json("fetch", &"ab".repeat(32), &dir.at("ram"), PAGES);
    json["vmmUid"] = vmm_uid.into();
    session.write(&json);
    let process = Process::pages("fetch", &session.path);
    let fetch = Control::connect(&session.at("control.sock"));
    fetch.event("listening");
    Scene {
        fetch,
        process,
        session,
        dir,
    }
}

impl Scene {
    fn vmm(&self, name: &str, pages: u64) -> Vmm {
        self.vmm_in(name, pages, "one")
    }

    /// `pieces`: in how many it maps its memory, and which first.
    fn vmm_in(&self, name: &str, pages: u64, pieces: &str) -> Vmm {
        let socket = self.session.at("uffd.sock");
        let mut command = Vmm::command(&self.dir.at(name), pages, Some(&socket));
        sanitize(&mut command);
        command.env("VMM_PIECES", pieces);
        File::create(self.dir.at(name)).expect("a RAM file");
        Vmm::start(&mut command, &self.dir.at("vmm.log"))
    }

    /// Offers a descriptor by hand. True: it was taken.
    fn offer(&self, greeting: &[u8], fd: Option<i32>) -> bool {
        let socket = UnixStream::connect(self.session.at("uffd.sock")).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        send(&socket, greeting, fd);
        let mut go = [0];
        matches!((&socket).read(&mut go), Ok(1)) && go == [1]
    }
}

fn greeting(magic: &[u8; 8], length: u64) -> Vec<u8> {
    [
        &magic[..],
        &(1u64 << 40).to_ne_bytes(),
        &length.to_ne_bytes(),
    ]
    .concat()
}

fn send(socket: &UnixStream, bytes: &[u8], fd: Option<i32>) {
    let mut space = [0u64; 4];
    let mut iov = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: plain data whose pointers live through the call; the control message is written within `space`.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut iov;
        message.msg_iovlen = 1;
        if let Some(fd) = fd {
            message.msg_control = space.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(4) as _;
            let head = libc::CMSG_FIRSTHDR(&raw const message);
            (*head).cmsg_level = libc::SOL_SOCKET;
            (*head).cmsg_type = libc::SCM_RIGHTS;
            (*head).cmsg_len = libc::CMSG_LEN(4) as _;
            libc::CMSG_DATA(head).cast::<i32>().write_unaligned(fd);
        }
        assert_eq!(
            libc::sendmsg(socket.as_raw_fd(), &raw const message, 0),
            bytes.len() as isize
        );
    }
}

#[test]
fn a_process_of_the_wrong_user_may_not_hand_over_a_descriptor() {
    let scene = scene(uid() + 1);
    let mut vmm = scene.vmm("ram", PAGES);
    assert!(vmm.process.was_aborted(), "no guest without its pages");
    assert!(vmm.process.said().contains("libshoal-uffd"));
    let error = scene.fetch.error("descriptor");
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .contains("offered a descriptor"),
        "{error}"
    );
    assert!(
        scene
            .fetch
            .all(|line| line["event"] == "registered")
            .is_empty()
    );
}

#[test]
fn a_vmm_that_maps_its_memory_in_two_pieces_ends_and_reads_nothing_of_it() {
    let scene = scene(uid());
    for (pieces, word) in [
        ("lower-first", "did not take the descriptor"),
        ("upper-first", "mapped twice or in part"),
    ] {
        let mut vmm = scene.vmm_in("ram", PAGES, pieces);
        assert!(vmm.process.was_aborted(), "{pieces}");
        assert!(vmm.process.said().contains(word), "{}", vmm.process.said());
        assert_eq!(vmm.answered("mapped"), None, "{pieces}");
    }
    let error = scene.fetch.error("descriptor");
    assert_eq!(error["message"], "a greeting is not of this guest");
    let whole = scene.vmm("ram", PAGES);
    whole.mapped();
    scene.fetch.event("registered");
    assert_eq!(ram::held(&scene.dir.at("ram")), 0, "nothing was filled");
}

#[test]
fn what_is_no_userfaultfd_of_this_guest_is_refused_and_the_right_one_taken_after_it() {
    let mut scene = scene(uid());
    let length = PAGES * ram::PAGE as u64;
    // A name alone makes no userfaultfd.
    let named = File::create(scene.dir.at("[userfaultfd]")).expect("a file");
    let right = greeting(b"SHOALUFD", length);
    assert!(!scene.offer(&right, Some(named.as_raw_fd())));
    assert!(!scene.offer(&right, None));
    assert!(!scene.offer(&right[..23], Some(named.as_raw_fd())));
    assert!(!scene.offer(&greeting(b"SHOALUFF", length), Some(named.as_raw_fd())));
    assert!(!scene.offer(
        &greeting(b"SHOALUFD", length + 4096),
        Some(named.as_raw_fd())
    ));
    until("each is told", || {
        scene.fetch.errors("descriptor").len() == 5
    });
    let mut longer = scene.vmm("longer", PAGES + 1);
    assert!(longer.process.was_aborted(), "a RAM file of another size");
    let vmm = scene.vmm("ram", PAGES);
    vmm.mapped();
    scene.fetch.event("registered");
    assert!(scene.process.is_alive());
}

#[test]
fn who_says_nothing_does_not_keep_the_vmm_out() {
    let scene = scene(uid());
    let _mute = UnixStream::connect(scene.session.at("uffd.sock")).expect("it listens");
    scene.vmm("ram", PAGES).mapped();
}

#[test]
fn a_second_vmm_is_refused_at_once() {
    let scene = scene(uid());
    let vmm = scene.vmm("ram", PAGES);
    vmm.mapped();
    scene.fetch.event("registered");
    let mut second = scene.vmm("other", PAGES);
    assert!(second.process.was_aborted());
}

#[test]
fn a_vmm_whose_page_server_is_not_there_does_not_start() {
    let dir = Dir::new();
    let mut command = Vmm::command(&dir.at("ram"), PAGES, Some(&dir.at("nobody.sock")));
    File::create(dir.at("ram")).expect("a RAM file");
    let mut vmm = Vmm::start(&mut command, &dir.at("vmm.log"));
    assert!(vmm.process.was_aborted());
    assert!(
        vmm.process.said().contains("cannot be reached: ENOENT"),
        "{}",
        vmm.process.said()
    );
}

#[test]
fn a_second_mapping_aborts_the_vmm() {
    for kind in ["again", "private"] {
        let mut target = Target::start(&Wants::default());
        target.vmm.tell(kind);
        assert!(target.vmm.process.was_aborted(), "{kind}");
        assert!(
            target.vmm.process.said().contains("mapped"),
            "{}",
            target.vmm.process.said()
        );
    }
}

#[test]
fn a_vmm_that_is_no_target_starts_as_usual_but_without_huge_pages() {
    let dir = Dir::new();
    File::create(dir.at("ram")).expect("a RAM file");
    let mut vmm = Vmm::start(
        &mut Vmm::command(&dir.at("ram"), PAGES, None),
        &dir.at("vmm.log"),
    );
    vmm.mapped();
    assert_eq!(vmm.ask("smaps"), 1, "MADV_HUGEPAGE became MADV_NOHUGEPAGE");
    assert_eq!(vmm.read(3), ram::hash(&[0; ram::PAGE]));
    assert!(vmm.ask("again") > 0 && vmm.ask("private") > 0);
}

#[test]
fn a_guest_whose_page_server_dies_waits_and_never_reads_a_zero_page() {
    let mut pair = Pair::start(&Wants {
        keys: json!({ "bulkBytesPerSecond": 65_536 }),
        ..Wants::default()
    });
    pair.freeze();
    assert_eq!(pair.vmm.read(2700), pair.right(2700, ram::usual));
    pair.fetch_process.kill();
    pair.vmm.tell("read 2804");
    pair.vmm.tell("read 2700");
    assert_eq!(
        pair.vmm.answer("read 2700"),
        pair.right(2700, ram::usual),
        "what is there is there"
    );
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(
        pair.vmm.answered("read 2804"),
        None,
        "what is not there is waited for"
    );
    assert!(pair.vmm.process.is_alive());
}
