//! Tests with real micro guests, seen from outside: over their monitors, channels and migration streams.

mod failures;
mod migration;
mod monitor;
mod vm;
