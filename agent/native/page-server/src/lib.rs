//! Shoal's page server. `init` makes a session's key, `serve` sends the memory of a stopped guest, `fetch` lets the guest
//! run on the target before it is there. Specification: docs/design/page-server.md; wire and control: ../README.md.
#![deny(unsafe_code)]

pub mod bitmap;
mod conn;
mod control;
pub mod fetch;
pub mod frame;
#[cfg(test)]
mod fuzz;
pub mod histogram;
mod link;
pub mod packed;
#[cfg(test)]
mod props;
mod quiet;
mod scratch;
pub mod serve;
pub mod session;
mod stats;
#[expect(
    unsafe_code,
    reason = "system calls that std does not have: here and nowhere else"
)]
pub mod sys;
pub mod tls;
