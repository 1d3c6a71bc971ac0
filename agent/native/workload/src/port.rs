//! The serial port that the protocol runs over: raw, whole lines.

use crate::command::LINE_MAX_BYTES;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex};

/// Opens a terminal device raw: no echo, no line editing, no signals from its bytes.
pub fn open(path: &str) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(path)?;
    // SAFETY: termios is plain data; tcgetattr fills it before it is used, and the descriptor is open.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        if libc::tcgetattr(file.as_raw_fd(), &mut settings) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::cfmakeraw(&mut settings);
        settings.c_cflag |= libc::CLOCAL;
        if libc::tcsetattr(file.as_raw_fd(), libc::TCSANOW, &settings) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(file)
}

/// Says whole lines from several threads.
#[derive(Clone)]
pub struct Speaker(Arc<Mutex<File>>);

impl Speaker {
    pub fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(file)))
    }

    /// One line; a port that takes no bytes is nobody's loss here.
    pub fn say(&self, line: &str) {
        let bytes = format!("{line}\n");
        if self.0.lock().unwrap().write_all(bytes.as_bytes()).is_err() {
            eprintln!("shoal-workload: the port took no bytes: {line}");
        }
    }
}

/// Splits a stream of bytes into lines; empty ones are skipped, overlong ones cut (they will not be understood).
#[derive(Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Takes bytes as they come and hands out each line that they end.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' if self.0.is_empty() => (),
                b'\n' | b'\r' => {
                    line(String::from_utf8_lossy(&self.0).into_owned());
                    self.0.clear();
                }
                _ if self.0.len() < LINE_MAX_BYTES => self.0.push(*byte),
                _ => (),
            }
        }
    }
}

/// Reads lines from `port` until it ends or `line` returns false.
pub fn read_lines(port: &mut impl Read, mut line: impl FnMut(String) -> bool) -> io::Result<()> {
    let (mut lines, mut bytes, mut on) = (Lines::default(), [0; 256], true);
    while on {
        let read = match port.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        lines.push(&bytes[..read], |text| on = on && line(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_the_bytes_arrive() {
        let mut lines = Lines::default();
        let mut said = Vec::new();
        for bytes in [&b"lo"[..], b"ad 5", b"0\r\n\nst", b"atus\n"] {
            lines.push(bytes, |line| said.push(line));
        }
        assert_eq!(said, ["load 50", "status"]);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_read() {
        let mut lines = Lines::default();
        let mut said = Vec::new();
        lines.push(&vec![b'x'; 10_000], |line| said.push(line));
        lines.push(b"\nstatus\n", |line| said.push(line));
        assert_eq!(said[0].len(), LINE_MAX_BYTES);
        assert_eq!(said[1], "status");
    }
}
