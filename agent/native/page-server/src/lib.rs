//! Shoal's page server. `init` makes a session's key, `serve` sends the memory of a stopped guest, `fetch` lets the guest
//! run on the target before it is there. Specification: docs/design/page-server.md; wire and control: ../README.md.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod bitmap;
mod conn;
mod control;
pub mod fetch;
pub mod frame;
pub mod histogram;
mod link;
pub mod serve;
pub mod session;
mod stats;
pub mod sys;
pub mod tls;
