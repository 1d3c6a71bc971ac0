//! The serial ports: the console and the channels, each a unix socket that serves one client at a time.
//!
//! A port takes lines and says answers; with no client, or one that does not read, what is said is lost, as on a wire.

use crate::guest::Guest;
use shoal_workload::port::read_lines;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The console's number; the channels follow in the order of the command line.
const CONSOLE: usize = 0;

#[derive(Default)]
pub struct Ports(Mutex<Vec<Option<UnixStream>>>);

impl Ports {
    /// Says a line on one port.
    pub fn say(&self, port: usize, line: &str) {
        if let Some(client) = self.0.lock().unwrap().get_mut(port) {
            send(client, line);
        }
    }

    /// Says a line on every channel: what no client asked for just now (ticks, the end of a verify).
    pub fn say_to_channels(&self, line: &str) {
        for client in self.0.lock().unwrap().iter_mut().skip(CONSOLE + 1) {
            send(client, line);
        }
    }

    fn set(&self, port: usize, client: Option<UnixStream>) {
        let mut clients = self.0.lock().unwrap();
        if clients.len() <= port {
            clients.resize_with(port + 1, || None);
        }
        clients[port] = client;
    }
}

/// Whole lines or none: a client that took half of one is cut off.
fn send(client: &mut Option<UnixStream>, line: &str) {
    let Some(stream) = client else { return };
    let bytes = format!("{line}\n");
    // SAFETY: the descriptor is open and the buffer lives through the call; the guest must never wait for a reader.
    let sent = unsafe {
        libc::send(
            stream.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
    if sent > 0 && sent as usize != bytes.len() {
        // Its reader sees the end and clears the port; a failure means that it is gone already.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Listens on a path, taking the place of a socket that an earlier process left there.
pub fn bind(path: &str) -> Result<UnixListener, String> {
    let text = |error: io::Error| format!("{path}: {error}");
    match std::fs::remove_file(Path::new(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(text(error)),
        _ => UnixListener::bind(path).map_err(text),
    }
}

/// Opens the console and the channels; their lines go to the guest from here on.
pub fn listen(
    ports: &Arc<Ports>,
    guest: &Arc<Guest>,
    console: &str,
    channels: &[String],
) -> Result<(), String> {
    for (port, path) in std::iter::once(console)
        .chain(channels.iter().map(String::as_str))
        .enumerate()
    {
        let listener = bind(path)?;
        let (ports, guest) = (ports.clone(), guest.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                ports.set(port, stream.try_clone().ok());
                // An error of the socket ends this client like an end of its bytes.
                let _ = read_lines(&mut stream, |line| guest.line(port, line));
                ports.set(port, None);
            }
        });
    }
    Ok(())
}
