//! A network between the two page servers that can be cut. Of each attempt the first connection is the urgent lane.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct State {
    /// Where connections go.
    target: AtomicU16,
    refuse: AtomicBool,
    /// Bytes per way and lane, over all attempts, held ones too; bytes after which everything is cut, or is mute, once.
    sent: [[AtomicU64; 2]; 2],
    cut_at: [[AtomicU64; 2]; 2],
    mute_at: [[AtomicU64; 2]; 2],
    /// Lanes on which nothing moves from the source.
    hold: [AtomicBool; 2],
    /// Nothing moves either way, and no connection ends.
    mute: AtomicBool,
    /// Bits of the next bytes are turned: on the way to the target, to the source.
    flip: [AtomicBool; 2],
    /// Both sockets of each connection that is up, by its number.
    open: Mutex<Vec<(u64, [TcpStream; 2])>>,
    attempts: AtomicU64,
}

pub const TO_TARGET: usize = 0;
pub const TO_SOURCE: usize = 1;
pub const URGENT: usize = 0;
pub const BULK: usize = 1;

pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

impl Proxy {
    pub fn start(target: u16) -> Self {
        let state = Arc::new(State::default());
        state.target.store(target, SeqCst);
        for at in state.cut_at.iter().chain(&state.mute_at).flatten() {
            at.store(u64::MAX, SeqCst);
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for source in listener.incoming().flatten() {
                shared.attempts.fetch_add(1, SeqCst);
                if !shared.refuse.load(SeqCst) {
                    State::connect(&shared, source);
                }
            }
        });
        Self { port, state }
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// When so many bytes more have come from the source on that lane, and are through.
    pub fn cut_after(&self, lane: usize, bytes: u64) {
        self.cut_after_on(TO_TARGET, lane, bytes);
    }

    pub fn cut_after_on(&self, way: usize, lane: usize, bytes: u64) {
        let sent = self.state.sent[way][lane].load(SeqCst);
        self.state.cut_at[way][lane].store(sent + bytes, SeqCst);
    }

    /// Whether the cut that was ordered has happened.
    pub fn is_cut(&self, lane: usize) -> bool {
        self.is_cut_on(TO_TARGET, lane)
    }

    pub fn is_cut_on(&self, way: usize, lane: usize) -> bool {
        self.state.cut_at[way][lane].load(SeqCst) == u64::MAX
    }

    /// The whole link falls silent when so many bytes more have come from the source on that lane, and are through.
    pub fn mute_after(&self, lane: usize, bytes: u64) {
        let sent = self.sent(lane);
        self.state.mute_at[TO_TARGET][lane].store(sent + bytes, SeqCst);
    }

    pub fn is_mute(&self) -> bool {
        self.state.mute.load(SeqCst)
    }

    pub fn unmute(&self) {
        self.state.mute.store(false, SeqCst);
    }

    pub fn refuse(&self, refuse: bool) {
        self.state.refuse.store(refuse, SeqCst);
    }

    pub fn hold(&self, lane: usize, hold: bool) {
        self.state.hold[lane].store(hold, SeqCst);
    }

    pub fn flip_bits(&self, way: usize) {
        self.state.flip[way].store(true, SeqCst);
    }

    pub fn sent(&self, lane: usize) -> u64 {
        self.sent_on(TO_TARGET, lane)
    }

    pub fn sent_on(&self, way: usize, lane: usize) -> u64 {
        self.state.sent[way][lane].load(SeqCst)
    }

    /// Connections that were tried, refused ones too.
    pub fn attempts(&self) -> u64 {
        self.state.attempts.load(SeqCst)
    }
}

impl State {
    fn cut(&self) {
        for (_, sockets) in self.open.lock().expect("open").drain(..) {
            end(&sockets);
        }
    }

    fn connect(state: &Arc<Self>, source: TcpStream) {
        let Ok(target) = TcpStream::connect(("127.0.0.1", state.target.load(SeqCst))) else {
            return;
        };
        let twin = |socket: &TcpStream| socket.try_clone().expect("a descriptor");
        let number = state.attempts.load(SeqCst);
        let lane = {
            let mut open = state.open.lock().expect("open");
            let lane = open.len() % 2;
            open.push((number, [twin(&source), twin(&target)]));
            lane
        };
        for socket in [&source, &target] {
            socket.set_nodelay(true).expect("a socket");
        }
        for (from, to, way) in [
            (twin(&source), twin(&target), TO_TARGET),
            (target, source, TO_SOURCE),
        ] {
            let shared = Arc::clone(state);
            thread::spawn(move || {
                shared.pump(&from, &to, way, lane);
                end(&[from, to]);
                let mut open = shared.open.lock().expect("open");
                open.retain(|(known, _)| *known != number);
            });
        }
    }

    fn pump(&self, mut from: &TcpStream, mut to: &TcpStream, way: usize, lane: usize) {
        let mut buffer = vec![0; 16 << 10];
        let [cut_at, mute_at] = [&self.cut_at, &self.mute_at].map(|at| &at[way][lane]);
        while let Ok(got @ 1..) = from.read(&mut buffer) {
            let before = self.sent[way][lane].fetch_add(got as u64, SeqCst);
            // How many of these are still through, if it is one of these that it was ordered for.
            let until = |at: &AtomicU64| {
                let bytes = at.load(SeqCst).saturating_sub(before) as usize;
                (bytes < got)
                    .then(|| at.store(u64::MAX, SeqCst))
                    .map(|()| bytes)
            };
            while self.mute.load(SeqCst) || (way == TO_TARGET && self.hold[lane].load(SeqCst)) {
                thread::sleep(Duration::from_millis(1));
            }
            if self.flip[way].swap(false, SeqCst) {
                // Eight in a row: version and type in the head of a record count for nothing (RFC 8446, 5.1 and 5.2).
                let end = got.saturating_sub(8);
                buffer[end..got].iter_mut().for_each(|byte| *byte ^= 1);
            }
            if let Some(bytes) = until(cut_at) {
                let _ = to.write_all(&buffer[..bytes]);
                self.cut();
                break;
            }
            let mut through = 0;
            if let Some(bytes) = until(mute_at) {
                through = bytes;
                if to.write_all(&buffer[..bytes]).is_err() {
                    break;
                }
                self.mute.store(true, SeqCst);
                while self.mute.load(SeqCst) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            if to.write_all(&buffer[through..got]).is_err() {
                break;
            }
        }
    }
}

fn end(sockets: &[TcpStream; 2]) {
    for socket in sockets {
        let _ = socket.shutdown(Shutdown::Both);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse(true);
        self.unmute();
        self.state
            .hold
            .iter()
            .for_each(|hold| hold.store(false, SeqCst));
        self.cut();
    }
}
