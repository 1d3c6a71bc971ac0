//! What comes over the two connections while a link is up.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Fetch;
use crate::conn::{Conn, Reader, lock};
use crate::frame::Frame;
use crate::link::{Link, wrong};
use crate::sys::process;

/// The VMM was told to listen just before; it may take a moment under load.
const VMM_MAX: Duration = Duration::from_secs(5);

impl Fetch {
    pub(super) fn read_urgent(&self, conn: &Conn) -> io::Result<()> {
        process::prefer_this_thread();
        let mut reader = Reader::new(conn);
        loop {
            let fine = match reader.next()? {
                Frame::Page { page, data } if data.len() as u64 == self.session.page_bytes => {
                    self.memory.install(page, data)?
                }
                Frame::PageZero { page } => self.memory.zeros(page, 1)?,
                _ => false,
            };
            if !fine {
                return Err(wrong("the source sent a page that it never announced"));
            }
            self.finish()?;
        }
    }

    pub(super) fn read_bulk(self: &Arc<Self>, link: &Arc<Link>) -> io::Result<()> {
        let mut reader = Reader::new(&link.bulk);
        loop {
            match reader.next()? {
                Frame::Stream(bytes) => self.to_vmm(link, bytes)?,
                Frame::StreamEnd => {
                    let mut stream = lock(&self.stream);
                    stream.ended = true;
                    if let Some(vmm) = &stream.vmm {
                        let _ = vmm.shutdown(Shutdown::Write);
                    }
                }
                Frame::Map { first, bits } => lock(&self.memory.book).map_piece(first, bits),
                Frame::MapEnd { data_pages } => {
                    let pages = self.memory.map_end(data_pages)?;
                    self.ask(&pages);
                }
                Frame::Extent { first, data } => {
                    if !self.memory.install(first, data)? {
                        return Err(wrong("the source sent pages that it never announced"));
                    }
                    link.bulk.send(&Frame::Credit {
                        bytes: data.len() as u32,
                    })?;
                }
                Frame::Zeros { first, count } => {
                    if !self.memory.zeros(first, u64::from(count))? {
                        return Err(wrong("the source sent zero pages outside the memory"));
                    }
                }
                Frame::CompleteAck => {}
                _ => return Err(wrong("the source sent a frame that only a target sends")),
            }
            self.finish()?;
        }
    }

    /// Tells both ends when the last page is in place.
    fn finish(&self) -> io::Result<()> {
        if !self.session.postcopy || !self.memory.finish()? {
            return Ok(());
        }
        let link = lock(&self.link).clone();
        if let Some(link) = link {
            // When it gets lost, the next link begins with the same word.
            let _ = link.bulk.send(&Frame::Complete);
        }
        self.events
            .standing(json!({ "event": "complete", "stats": self.stats_json() }));
        Ok(())
    }

    fn to_vmm(self: &Arc<Self>, link: &Arc<Link>, bytes: &[u8]) -> io::Result<()> {
        let known = lock(&self.stream).vmm.as_ref().map(UnixStream::try_clone);
        let mut vmm = match known {
            Some(vmm) => vmm?,
            None => self.connect_vmm(link)?,
        };
        lock(&self.memory.stats).stream_bytes += bytes.len() as u64;
        // A VMM that is gone is the agent's to notice.
        let _ = vmm.write_all(bytes);
        Ok(())
    }

    fn connect_vmm(self: &Arc<Self>, link: &Arc<Link>) -> io::Result<UnixStream> {
        let begun = Instant::now();
        let vmm = loop {
            match UnixStream::connect(&self.session.stream_socket) {
                Ok(vmm) => break vmm,
                Err(error) if begun.elapsed() > VMM_MAX => {
                    let path = self.session.stream_socket.display();
                    return Err(wrong(&format!(
                        "the VMM does not listen at {path}: {error}"
                    )));
                }
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        };
        lock(&self.stream).vmm = Some(vmm.try_clone()?);
        let (mut back, link) = (vmm.try_clone()?, Arc::clone(link));
        thread::Builder::new()
            .name("return-path".to_owned())
            .spawn(move || {
                let mut buffer = vec![0; 16 << 10];
                loop {
                    match back.read(&mut buffer) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Ok(0) | Err(_) => break,
                        Ok(got) => {
                            if link.bulk.send(&Frame::Stream(&buffer[..got])).is_err() {
                                return;
                            }
                        }
                    }
                }
                let _ = link.bulk.send(&Frame::StreamEnd);
            })?;
        Ok(vmm)
    }
}
