//! The source VMM's migration stream on its way to the target's VMM, and the return path on its way back.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::Fetch;
use crate::conn::lock;
use crate::frame::Frame;
use crate::link::{Link, wrong};

/// The VMM was told to listen just before; it may take a moment under load.
const VMM_MAX: Duration = Duration::from_secs(5);

/// The VMM's side of the stream.
#[derive(Default)]
pub struct Stream {
    vmm: Option<UnixStream>,
    /// Over which it comes. A stream never goes on over another one: what comes then is the next stream.
    link: Weak<Link>,
    /// The source's VMM closed its end: the stream is whole.
    ended: bool,
}

impl Stream {
    pub fn is_open(&self) -> bool {
        self.vmm.is_some()
    }

    fn is_of(&self, link: &Arc<Link>) -> bool {
        Weak::as_ptr(&self.link) == Arc::as_ptr(link)
    }
}

impl Fetch {
    pub(super) fn to_vmm(self: &Arc<Self>, link: &Arc<Link>, bytes: &[u8]) -> io::Result<()> {
        let known = {
            let stream = lock(&self.stream);
            let vmm = stream.vmm.as_ref().filter(|_| stream.is_of(link));
            vmm.map(UnixStream::try_clone)
        };
        let mut vmm = match known {
            Some(vmm) => vmm?,
            None => self.connect_vmm(link)?,
        };
        lock(&self.memory.stats).stream_bytes += bytes.len() as u64;
        match vmm.write_all(bytes) {
            // It has given this stream up (QEMU: no memory for a page), and the source's VMM must know: all that it goes on
            // to send would be lost, and it would wait for ever to hear that it came. Both begin anew over the next link.
            Err(_) if self.session.resumes => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the VMM takes no more of this stream",
            )),
            // A VMM that is gone is the agent's to notice.
            _ => Ok(()),
        }
    }

    fn connect_vmm(self: &Arc<Self>, link: &Arc<Link>) -> io::Result<UnixStream> {
        let begun = Instant::now();
        let vmm = loop {
            if !self.is_current(link) {
                return Err(io::ErrorKind::ConnectionAborted.into()); // the VMM is the next link's
            }
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
        {
            let mut stream = lock(&self.stream);
            if !self.is_current(link) {
                return Err(io::ErrorKind::ConnectionAborted.into()); // its stream is broken already
            }
            *stream = Stream {
                vmm: Some(vmm.try_clone()?),
                link: Arc::downgrade(link),
                ended: false,
            };
        }
        let (back, link) = (vmm.try_clone()?, Arc::clone(link));
        thread::Builder::new()
            .name("return-path".to_owned())
            .spawn(move || return_path(back, &link))?;
        Ok(vmm)
    }

    pub(super) fn end_stream(&self, link: &Arc<Link>) {
        let mut stream = lock(&self.stream);
        if !stream.is_of(link) {
            return;
        }
        stream.ended = true;
        if let Some(vmm) = &stream.vmm {
            let _ = vmm.shutdown(Shutdown::Write);
        }
    }

    /// The link is lost: its stream that is not whole will never be, and its VMM must know.
    pub(super) fn break_stream(&self, link: &Arc<Link>) {
        let mut stream = lock(&self.stream);
        if !stream.ended
            && stream.is_of(link)
            && let Some(vmm) = stream.vmm.take()
        {
            let _ = vmm.shutdown(Shutdown::Both);
        }
    }
}

fn return_path(mut vmm: UnixStream, link: &Link) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        match vmm.read(&mut buffer) {
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
}
