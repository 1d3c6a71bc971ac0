//! The preload's descriptor, and the thread that reads faults from it.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::json;

use super::Fetch;
use super::memory::Armed;
use crate::conn::lock;
use crate::frame::Frame;
use crate::sys::process;
use crate::sys::socket::{peer_uid, readable, recv_with_fd};
use crate::sys::uffd::Uffd;

/// "SHOALUFD": first word of what the preload sends; then address and length of the range.
const MAGIC: u64 = u64::from_le_bytes(*b"SHOALUFD");
const GREETING_BYTES: usize = 24;
/// The end of the transfer is looked for this often when there are no faults.
const LOOK: Duration = Duration::from_millis(200);

impl Fetch {
    pub(super) fn listen_for_descriptor(&self) -> Result<UnixListener, String> {
        let path = &self.session.uffd_socket;
        let _ = std::fs::remove_file(path);
        UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Takes the one descriptor, then reads faults until the end.
    pub(super) fn take_descriptor(&self, listener: &UnixListener) {
        loop {
            match self.receive(listener) {
                Ok(()) => break,
                Err(what) => self.events.error("descriptor", &what, false),
            }
        }
        self.events.standing(json!({ "event": "registered" }));
        process::prefer_this_thread();
        if let Err(error) = self.read_faults()
            && !lock(&self.memory.book).complete
        {
            self.fatal(
                "uffd",
                &format!("the faults of the guest cannot be served: {error}"),
            );
        }
    }

    fn receive(&self, listener: &UnixListener) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        let (mut client, _) = listener.accept().map_err(text)?;
        let uid = peer_uid(&client).map_err(text)?;
        if uid != self.session.vmm_uid {
            return Err(format!(
                "uid {uid} offered a descriptor, only {} may",
                self.session.vmm_uid
            ));
        }
        let mut greeting = [0; GREETING_BYTES];
        let (got, fd) = recv_with_fd(&client, &mut greeting).map_err(text)?;
        let word =
            |at: usize| u64::from_ne_bytes(greeting[at..at + 8].try_into().unwrap_or_default());
        let fd = fd.ok_or("a greeting came without a descriptor")?;
        if got != GREETING_BYTES || word(0) != MAGIC || word(16) != self.session.ram_bytes {
            return Err("a greeting is not of this guest".to_owned());
        }
        let uffd = Uffd::new(fd).map_err(text)?;
        self.memory
            .armed
            .set(Armed {
                uffd,
                base: word(8),
            })
            .map_err(|_| "a second descriptor was offered")?;
        client.write_all(&[1]).map_err(text)
    }

    fn read_faults(&self) -> std::io::Result<()> {
        let Some(armed) = self.memory.armed.get() else {
            return Ok(());
        };
        let mut addresses = Vec::new();
        while !lock(&self.memory.book).complete {
            if !readable(&armed.uffd, LOOK)? {
                continue;
            }
            addresses.clear();
            armed.uffd.read_faults(&mut addresses)?;
            for address in &addresses {
                let page = (address - armed.base) / self.session.page_bytes;
                if self.memory.faulted(page)? {
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
