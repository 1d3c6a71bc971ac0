//! The source VMM's migration stream on its way to the link, and its return path on the way back.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use super::Serve;
use crate::conn::lock;
use crate::control::ACCEPT_AGAIN;

/// Of the VMM's stream, read ahead of the link.
const AHEAD_BYTES: usize = 1 << 20;

/// What goes out next.
pub enum Piece {
    Bytes(Vec<u8>),
    End,
}

#[derive(Default)]
pub struct Stream {
    queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    /// The VMM closed its end for writing.
    ended: bool,
    end_sent: bool,
    /// None: no stream yet, or one that broke.
    vmm: Option<UnixStream>,
}

impl Stream {
    pub fn is_open(&self) -> bool {
        self.vmm.is_some()
    }

    pub fn next(&mut self) -> Option<Piece> {
        if let Some(bytes) = self.queue.pop_front() {
            self.queued_bytes -= bytes.len();
            return Some(Piece::Bytes(bytes));
        }
        if self.ended && !self.end_sent {
            self.end_sent = true;
            return Some(Piece::End);
        }
        None
    }

    /// The link is lost. A migration stream cannot go on over another one, nor can its return path: the VMM must fail
    /// now, so that the handoff is given up. To a VMM that has finished its migration this is nothing.
    pub fn broke(&mut self) {
        if let Some(vmm) = self.vmm.take() {
            let _ = vmm.shutdown(Shutdown::Both);
        }
        *self = Self::default();
    }
}

impl Serve {
    /// A VMM that connects again begins a new stream.
    pub(super) fn take_streams(&self, listener: &UnixListener) {
        for vmm in listener.incoming() {
            let Some((vmm, twin)) = vmm.and_then(|vmm| Ok((vmm.try_clone()?, vmm))).ok() else {
                thread::sleep(ACCEPT_AGAIN);
                continue;
            };
            lock(&self.state).stream = Stream {
                vmm: Some(twin),
                ..Stream::default()
            };
            self.read_stream(vmm);
        }
    }

    fn read_stream(&self, mut vmm: UnixStream) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let got = match vmm.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => break,
                Ok(got) => got,
            };
            let mut state = lock(&self.state);
            while state.stream.queued_bytes > AHEAD_BYTES {
                state = self.changed.wait(state).expect("no thread panics");
            }
            if !state.stream.is_open() {
                return; // it broke in between: nothing of it may go over the next link
            }
            state.stream.queue.push_back(buffer[..got].to_vec());
            state.stream.queued_bytes += got;
            self.changed.notify_all();
        }
        let mut state = lock(&self.state);
        state.stream.ended = state.stream.is_open();
        self.changed.notify_all();
    }

    /// Bytes of the return path. A VMM that is gone is the agent's to notice.
    pub(super) fn to_vmm(&self, bytes: &[u8]) {
        let vmm = lock(&self.state)
            .stream
            .vmm
            .as_ref()
            .map(UnixStream::try_clone);
        if let Some(Ok(mut vmm)) = vmm {
            let _ = vmm.write_all(bytes);
        }
    }

    pub(super) fn end_return_path(&self) {
        if let Some(vmm) = &lock(&self.state).stream.vmm {
            let _ = vmm.shutdown(Shutdown::Write);
        }
    }
}
