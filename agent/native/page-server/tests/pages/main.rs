//! The page server as a whole, with real parts: processes, TLS, a userfaultfd, a VMM under the preload.
//! They need the right to make a userfaultfd that traps kernel faults (root, or `vm.unprivileged_userfaultfd=1`).

mod acks;
mod control;
mod cuts;
mod disks;
mod early;
mod extremes;
mod full;
mod giving;
mod handover;
mod hostile;
mod hostile_running;
mod hostile_source;
mod hostile_target;
mod killed;
mod pacing;
mod packed;
mod preload;
mod recorded;
mod release;
mod relinked;
mod repeats;
mod restarts;
mod sessions;
mod silence;
mod strangers;
mod stream;
mod support;
mod transfer;
mod unreadable;
mod warm;
mod warm_packed;
mod watching;
mod yields;
