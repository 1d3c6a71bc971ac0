//! The preload's descriptor, and the thread that reads faults from it.

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::Fetch;
use super::memory::{Armed, PAGE};
use crate::conn::lock;
use crate::control::ACCEPT_AGAIN;
use crate::frame::Frame;
use crate::link::wrong;
use crate::sys::file::data_pages;
use crate::sys::process;
use crate::sys::reclaim;
use crate::sys::socket::{peer, readable, recv_with_fd};
use crate::sys::uffd::Uffd;

/// "SHOALUFD": first word of what the preload sends; then address and length of the range.
const MAGIC: &[u8; 8] = b"SHOALUFD";
const GREETING_BYTES: usize = 24;
/// The preload sends it at once. Who does not is no VMM, and must not keep it out.
const GREETING_MAX: Duration = Duration::from_secs(2);
/// The end of the transfer is looked for this often when there are no faults.
const LOOK: Duration = Duration::from_millis(200);

impl Fetch {
    pub(super) fn listen_for_descriptor(&self) -> Result<UnixListener, String> {
        let path = &self.session.uffd_socket;
        let _ = std::fs::remove_file(path);
        UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Started anew over the same session, whose address is known by then: the VMM that handed its descriptor to the dead
    /// page server still has it. True: there is nothing to wait for.
    ///
    /// # Errors
    /// There is one that cannot be taken. It will not be offered again: the next start may do better.
    pub(super) fn reclaim(&self) -> Result<bool, String> {
        if self.session.port == 0 {
            return Ok(false);
        }
        let reclaimed = self.reclaimed();
        reclaimed.map_err(|error| format!("the VMM's descriptor cannot be taken: {error}"))
    }

    fn reclaimed(&self) -> std::io::Result<bool> {
        let Some(found) = reclaim::find(&self.session.ram_file, self.session.vmm_uid)? else {
            return Ok(false);
        };
        let (uffd, base) = (Uffd::new(found.fd)?, found.base);
        // Nobody else fills it, and whoever touches what is missing waits: what the file holds is what is in place.
        let ram = std::fs::File::open(&self.session.ram_file)?;
        let (held, _) = data_pages(&ram, self.session.pages(), self.session.page_bytes)?;
        lock(&self.memory.stats).vmm_pid = found.pid;
        {
            let mut book = lock(&self.memory.book);
            // What devices touch while they load was seen by the first one.
            book.resumed = true;
            book.complete = !found.watched;
            book.settled = held;
        }
        if found.watched {
            // Faults that the dead one had read are told again.
            uffd.wake(base, self.session.ram_bytes)?;
        } else {
            let stats = self.stats_json();
            self.events
                .standing(json!({ "event": "complete", "stats": stats }));
        }
        let armed = self.memory.armed.set(Armed { uffd, base });
        Ok(armed.is_ok())
    }

    /// Takes the one descriptor, then reads faults until the end. Without a listener it is here already.
    pub(super) fn take_descriptor(&self, listener: Option<UnixListener>) {
        while let Some(listener) = &listener {
            match listener.accept().map(|(client, _)| self.receive(client)) {
                Ok(Ok(())) => break,
                Ok(Err(what)) => self.events.error("descriptor", &what, false),
                Err(_) => thread::sleep(ACCEPT_AGAIN),
            }
        }
        // A second VMM is refused at once instead of waiting for an answer.
        drop(listener);
        self.events.standing(json!({ "event": "registered" }));
        process::take_rank(process::Rank::First);
        // Everything may be zero and known before there was anyone to register.
        if let Err(error) = self.finish() {
            self.lost(&error);
        }
        if let Err(error) = self.read_faults()
            && !lock(&self.memory.book).complete
        {
            self.fatal(
                "uffd",
                &format!("the faults of the guest cannot be served: {error}"),
            );
        }
    }

    fn receive(&self, mut client: UnixStream) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        client.set_read_timeout(Some(GREETING_MAX)).map_err(text)?;
        let libc::ucred { pid, uid, .. } = peer(&client).map_err(text)?;
        if uid != self.session.vmm_uid {
            return Err(format!(
                "uid {uid} offered a descriptor, only {} may",
                self.session.vmm_uid
            ));
        }
        let mut greeting = [0; GREETING_BYTES];
        let (got, fd) = recv_with_fd(&client, &mut greeting).map_err(text)?;
        let fd = fd.ok_or("a greeting came without a descriptor")?;
        let base = base_of(&greeting[..got], self.session.ram_bytes)?;
        let uffd = Uffd::new(fd).map_err(text)?;
        lock(&self.memory.stats).vmm_pid = pid;
        self.memory
            .armed
            .set(Armed { uffd, base })
            .map_err(|_| "a second descriptor was offered")?;
        client.write_all(&[1]).map_err(text)
    }

    fn read_faults(&self) -> std::io::Result<()> {
        let Some(armed) = self.memory.armed.get() else {
            return Ok(());
        };
        let mut faults = Vec::new();
        while !lock(&self.memory.book).complete {
            if !readable(&armed.uffd, LOOK)? {
                continue;
            }
            faults.clear();
            armed.uffd.read_faults(&mut faults)?;
            for fault in &faults {
                let page = fault
                    .address
                    .checked_sub(armed.base)
                    .map(|offset| offset / self.session.page_bytes)
                    .filter(|&page| page < self.session.pages())
                    .ok_or_else(|| wrong("a fault outside the guest's memory"))?;
                if self.memory.faulted(page, fault.thread)? {
                    self.ask(&[page]);
                }
            }
        }
        Ok(())
    }

    /// Asks for pages if there is a link; without one they are asked for when the next is up.
    pub(super) fn ask(&self, pages: &[u64]) {
        let link = lock(&self.link).clone();
        if let Some(link) = link {
            for &page in pages {
                if link.urgent.send(&Frame::Fault { page }).is_err() {
                    link.close();
                    return;
                }
            }
        }
    }
}

/// Where the guest's memory begins in the VMM's address space, as its preload says.
pub(crate) fn base_of(greeting: &[u8], ram_bytes: u64) -> Result<u64, &'static str> {
    let words = greeting.as_chunks::<8>();
    let ([magic, base, length], []) = words else {
        return Err("a greeting is not of this guest");
    };
    let (base, length) = (u64::from_ne_bytes(*base), u64::from_ne_bytes(*length));
    if magic != MAGIC || length != ram_bytes {
        return Err("a greeting is not of this guest");
    }
    if !base.is_multiple_of(PAGE) || base.checked_add(length).is_none() {
        return Err("a greeting names no range of memory");
    }
    Ok(base)
}
