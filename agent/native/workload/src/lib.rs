//! The workload of a lab guest: memory that checks itself, kept busy at a set CPU share, spoken to line by line.
//!
//! Used twice: as the static binary inside a Linux guest (`main.rs`), and inside `shoal-micro`, whose guest RAM is the
//! RAM file itself. The protocol is in this crate's README.

pub mod command;
pub mod disk;
pub mod engine;
pub mod jobs;
pub mod pattern;
pub mod pool;
pub mod port;
pub mod ticker;
