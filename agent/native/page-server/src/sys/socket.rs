//! Socket options and descriptor passing.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::check;

/// A silent link is given up after this long. Shorter finds a cut sooner and a new SYN gets through sooner than a
/// backed-off retransmission; longer survives a longer cut without breaking a stream.
const DEAD_AFTER: Duration = Duration::from_secs(5);

fn set(sock: &TcpStream, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: passes a pointer to a live i32 with its size.
    let result = unsafe {
        libc::setsockopt(
            sock.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    check(result as i64).map(|_| ())
}

/// What both connections of a link need: no Nagle, and a dead peer noticed.
pub fn prepare(sock: &TcpStream) -> io::Result<()> {
    sock.set_nodelay(true)?;
    set(sock, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    set(sock, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 1)?;
    set(sock, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, 1)?;
    set(
        sock,
        libc::IPPROTO_TCP,
        libc::TCP_KEEPCNT,
        DEAD_AFTER.as_secs() as i32,
    )?;
    set(
        sock,
        libc::IPPROTO_TCP,
        libc::TCP_USER_TIMEOUT,
        DEAD_AFTER.as_millis() as i32,
    )
}

/// Urgent pages: DSCP EF and the interactive class, so that a priority queue on the way can tell them from bulk.
/// Best effort: an address family without TOS is no reason to fail.
pub fn mark_urgent(sock: &TcpStream) {
    let _ = set(sock, libc::IPPROTO_IP, libc::IP_TOS, 0xb8);
    let _ = set(sock, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, 0xb8);
    let _ = set(sock, libc::SOL_SOCKET, libc::SO_PRIORITY, 6);
}

/// Bulk: keep what is not yet on the wire short, so that the order is decided late.
pub fn limit_unsent(sock: &TcpStream, bytes: u32) -> io::Result<()> {
    set(
        sock,
        libc::IPPROTO_TCP,
        libc::TCP_NOTSENT_LOWAT,
        bytes as i32,
    )
}

/// Process and user at the other end of a unix socket (`SO_PEERCRED`).
pub fn peer(sock: &UnixStream) -> io::Result<libc::ucred> {
    let mut cred = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: 0,
    };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `cred` and `len` are live and sized for SO_PEERCRED.
    let result = unsafe {
        libc::getsockopt(
            sock.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut cred).cast(),
            &raw mut len,
        )
    };
    check(result as i64)?;
    Ok(cred)
}

fn entry(fd: &impl AsFd, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd: fd.as_fd().as_raw_fd(),
        events,
        revents: 0,
    }
}

/// False: `wait` passed, and nothing happened.
fn poll(entries: &mut [libc::pollfd], wait: Duration) -> io::Result<bool> {
    let count = entries.len() as libc::nfds_t;
    // SAFETY: so many live pollfds.
    let result = unsafe { libc::poll(entries.as_mut_ptr(), count, wait.as_millis() as i32) };
    match check(result as i64) {
        Ok(ready) => Ok(ready > 0),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until `fd` is readable (or broken, which a read then tells). `false` when `wait` passed without.
pub fn readable(fd: &impl AsFd, wait: Duration) -> io::Result<bool> {
    poll(&mut [entry(fd, libc::POLLIN)], wait)
}

/// The same, and an error when the peer ends `other` before, whatever it said there that nobody has read yet.
pub fn readable_beside(sock: &TcpStream, other: &TcpStream, wait: Duration) -> io::Result<bool> {
    let mut both = [entry(sock, libc::POLLIN), entry(other, libc::POLLRDHUP)];
    if !poll(&mut both, wait)? {
        return Ok(false);
    }
    if both[0].revents == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(true)
}

/// Reads up to `buf.len()` bytes and the one descriptor that may come with them (`SCM_RIGHTS`); further ones are closed.
pub fn recv_with_fd(sock: &UnixStream, buf: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut iov = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    let mut space = [0u64; 8];
    let mut received = Vec::new();
    // SAFETY: msghdr is plain data; every pointer in it is live during the call. Control messages are walked with the
    // CMSG macros within what the kernel says it wrote, and each descriptor read there is new and owned by us alone.
    let len = unsafe {
        let mut msg: libc::msghdr = std::mem::zeroed();
        msg.msg_iov = &raw mut iov;
        msg.msg_iovlen = 1;
        msg.msg_control = space.as_mut_ptr().cast();
        msg.msg_controllen = size_of_val(&space);
        let len =
            check(libc::recvmsg(sock.as_raw_fd(), &raw mut msg, libc::MSG_CMSG_CLOEXEC) as i64)?;
        let mut cmsg = libc::CMSG_FIRSTHDR(&raw const msg);
        while !cmsg.is_null() {
            if (*cmsg).cmsg_level == libc::SOL_SOCKET && (*cmsg).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*cmsg).cmsg_len - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(cmsg).cast::<i32>();
                for index in 0..bytes / size_of::<i32>() {
                    received.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            cmsg = libc::CMSG_NXTHDR(&raw const msg, cmsg);
        }
        len as usize
    };
    received.truncate(1);
    Ok((len, received.pop()))
}
