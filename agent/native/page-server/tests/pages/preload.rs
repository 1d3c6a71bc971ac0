//! The preload under the address and undefined-behaviour sanitizers, with a page server played by the test.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use shoal_pages::sys::socket::recv_with_fd;
use shoal_pages::sys::uffd::{Fault, Filled, Uffd};

use crate::support::dir::Dir;
use crate::support::ram::{self, PAGE};
use crate::support::sanitized::sanitize;
use crate::support::until;
use crate::support::vmm::Vmm;

const PAGES: u64 = 64;
const BYTES: u64 = PAGES * PAGE as u64;

struct Scene {
    vmm: Vmm,
    listener: UnixListener,
    ram: PathBuf,
    _dir: Dir,
}

/// A VMM that is about to be armed.
fn scene(environment: &[(&str, &str)]) -> Scene {
    let dir = Dir::new();
    let (ram, socket) = (dir.at("ram"), dir.at("uffd.sock"));
    File::create(&ram).expect("a RAM file");
    let listener = UnixListener::bind(&socket).expect("a socket");
    listener.set_nonblocking(true).expect("a socket");
    let mut command = Vmm::command(&ram, PAGES, Some(&socket));
    sanitize(&mut command);
    command.envs(environment.iter().copied());
    Scene {
        vmm: Vmm::start(&mut command, &dir.at("vmm.log")),
        listener,
        ram,
        _dir: dir,
    }
}

impl Scene {
    fn accept(&self) -> UnixStream {
        let mut client = None;
        until("the preload connects", || {
            client = self.listener.accept().ok();
            client.is_some()
        });
        let client = client.expect("accepted just now").0;
        client.set_nonblocking(false).expect("a socket");
        client
    }

    /// Its greeting must be right; it waits for the word.
    fn greeted(&self) -> (UnixStream, u64, OwnedFd) {
        let client = self.accept();
        let mut greeting = [0; 25];
        let (got, fd) = recv_with_fd(&client, &mut greeting).expect("a greeting");
        assert_eq!((got, &greeting[..8]), (24, &b"SHOALUFD"[..]));
        let word =
            |at: usize| u64::from_ne_bytes(greeting[at..at + 8].try_into().expect("8 bytes"));
        assert_eq!(word(16), BYTES);
        (client, word(8), fd.expect("a descriptor"))
    }

    fn armed(&self) -> (Uffd, u64) {
        let (mut client, base, fd) = self.greeted();
        client.write_all(&[1]).expect("it waits");
        self.vmm.mapped();
        (Uffd::new(fd).expect("a userfaultfd"), base)
    }

    /// One line, and nothing of a sanitizer.
    fn aborted(&mut self, word: &str) {
        assert!(
            self.vmm.process.was_aborted(),
            "{word}: {}",
            self.vmm.process.said()
        );
        let said = self.vmm.process.said();
        assert!(
            said.starts_with("libshoal-uffd: ") && said.contains(word),
            "{word}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(ram::held(&self.ram), 0, "nothing was filled");
    }
}

fn fault(uffd: &Uffd) -> Fault {
    let mut faults = vec![];
    until("the guest faults", || {
        uffd.read_faults(&mut faults).expect("faults can be read");
        !faults.is_empty()
    });
    faults.swap_remove(0)
}

fn fill(uffd: &Uffd, base: u64, page: u64) {
    let filled = uffd.copy(base + page * PAGE as u64, &ram::page(page));
    assert_eq!(filled.expect("an install"), Filled::Bytes(PAGE as u64));
}

#[test]
fn an_armed_vmm_faults_from_any_thread_starts_programs_forks_and_lets_its_memory_go() {
    let mut scene = scene(&[]);
    let (uffd, base) = scene.armed();
    assert_eq!(
        scene.vmm.ask("smaps"),
        1,
        "MADV_HUGEPAGE became MADV_NOHUGEPAGE"
    );
    for page in [3, 40, 63] {
        scene.vmm.tell(&format!("read {page}"));
        let fault = fault(&uffd);
        assert_eq!(fault.address, base + page * PAGE as u64);
        fill(&uffd, base, page);
        let read = scene.vmm.answer(&format!("read {page}"));
        assert_eq!(read, ram::hash(&ram::page(page)));
    }
    assert_eq!(
        scene.vmm.ask("exec"),
        0,
        "no program inherits the userfaultfd"
    );
    assert_eq!(
        scene.vmm.ask("fork 5"),
        libc::SIGSEGV as u64,
        "a child has no part of the memory"
    );
    assert_eq!(ram::held(&scene.ram), 3, "and fills no page with zeros");
    assert_eq!(scene.vmm.ask("unmap"), 0);
    assert!(scene.vmm.process.is_alive());
    scene.vmm.tell("again");
    assert!(scene.vmm.process.was_aborted());
    assert!(
        scene.vmm.process.said().contains("mapped twice"),
        "{}",
        scene.vmm.process.said()
    );
}

#[test]
fn a_vmm_that_is_no_target_maps_unmaps_and_maps_again() {
    let dir = Dir::new();
    File::create(dir.at("ram")).expect("a RAM file");
    let mut command = Vmm::command(&dir.at("ram"), PAGES, None);
    sanitize(&mut command);
    let mut vmm = Vmm::start(&mut command, &dir.at("vmm.log"));
    vmm.mapped();
    assert_eq!((vmm.ask("smaps"), vmm.ask("write 7 9")), (1, 0));
    assert_eq!((vmm.ask("exec"), vmm.ask("unmap")), (0, 0));
    assert!(vmm.ask("again") > 0 && vmm.ask("private") > 0);
    assert!(vmm.process.is_alive());
    assert_eq!(vmm.process.said(), "");
}

#[test]
fn a_page_server_that_does_not_take_the_descriptor_ends_the_vmm() {
    let mut closes = scene(&[]);
    drop(closes.accept());
    // It may be gone before the greeting or behind it.
    closes.aborted("libshoal-uffd");

    let mut hears = scene(&[]);
    drop(hears.greeted());
    hears.aborted("did not take the descriptor: ECONNRESET");

    for word in [0, 2, 255] {
        let mut scene = scene(&[]);
        let (mut client, _, _) = scene.greeted();
        client.write_all(&[word, 1]).expect("it waits");
        scene.aborted("did not take the descriptor: ECONNRESET");
    }
}

#[test]
fn a_page_server_that_cannot_be_reached_ends_the_vmm() {
    let long = format!("/tmp/{}", "x".repeat(200));
    let edge = format!("/tmp/{}", "x".repeat(103));
    for (path, word) in [
        ("/nowhere/uffd.sock", "cannot be reached: ENOENT"),
        ("/dev/null", "cannot be reached: ECONNREFUSED"),
        ("", "cannot be reached: "),
        (&long, "SHOAL_UFFD_SOCKET: ENAMETOOLONG"),
        (&edge, "SHOAL_UFFD_SOCKET: ENAMETOOLONG"),
        (&edge[1..], "cannot be reached: ENOENT"),
    ] {
        scene(&[("SHOAL_UFFD_SOCKET", path)]).aborted(word);
    }
}

#[test]
fn a_device_that_makes_no_userfaultfd_is_done_without() {
    for device in ["0", "2", "-1", "99999", "text", ""] {
        let mut scene = scene(&[("SHOAL_UFFD_DEVICE_FD", device)]);
        let (uffd, base) = scene.armed();
        scene.vmm.tell("read 9");
        fault(&uffd);
        fill(&uffd, base, 9);
        assert_eq!(
            scene.vmm.answer("read 9"),
            ram::hash(&ram::page(9)),
            "{device}"
        );
    }
}

#[test]
fn a_ram_file_that_is_not_there_or_another_one_is_left_alone() {
    for ram in ["/nowhere/ram", "", "/dev/null"] {
        let mut scene = scene(&[("SHOAL_UFFD_RAM", ram)]);
        scene.vmm.mapped();
        assert_eq!(scene.vmm.read(3), ram::hash(&[0; PAGE]), "{ram}: not armed");
        assert_eq!(scene.vmm.process.said(), "");
    }
}
