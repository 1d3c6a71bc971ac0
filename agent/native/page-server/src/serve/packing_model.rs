//! A move of data and machines as they are, which packs as the rule says.

use super::super::*;

/// Data and machines as they are, for a move of so many bytes.
#[derive(Clone, Copy)]
pub struct World {
    /// Megabytes a second.
    pub link: f64,
    pub pack: f64,
    pub unpack: f64,
    pub ratio: f64,
}

pub const EXTENT: u64 = 16 << 10;

pub struct Move {
    pub packing: Packing,
    pub now: Instant,
    pub tried: u64,
    pub packed: u64,
    pub extents: u64,
    pub wire: u64,
    /// The next try and the next unpacking are held up by so many times.
    pub held_up: (f64, f64),
    /// What a packed extent takes besides, and nobody can see.
    pub stall: Duration,
}

impl Move {
    pub fn new(compression: Compression) -> Self {
        Self::capped(compression, 0)
    }

    pub fn capped(compression: Compression, cap: u64) -> Self {
        let now = Instant::now();
        Self {
            packing: Packing::new(compression, true, cap, now).expect("the target takes it"),
            now,
            tried: 0,
            packed: 0,
            extents: 0,
            wire: 0,
            held_up: (1.0, 1.0),
            stall: Duration::ZERO,
        }
    }

    pub fn pass(&mut self, bytes: u64, megabytes_per_second: f64) {
        self.now += Duration::from_nanos((bytes as f64 * 1000.0 / megabytes_per_second) as u64);
    }

    /// One extent after another, nothing overlapping.
    pub fn send(&mut self, megabytes: u64, world: World) {
        for _ in 0..(megabytes << 20) / EXTENT {
            self.extents += 1;
            let mut wire = EXTENT;
            if self.packing.is_due(self.now) {
                self.tried += 1;
                let held_up = std::mem::replace(&mut self.held_up.0, 1.0);
                let took = EXTENT as f64 * 1000.0 / world.pack * held_up;
                let to = (EXTENT as f64 * world.ratio) as u64;
                if self
                    .packing
                    .tried(EXTENT, to, Duration::from_nanos(took as u64))
                {
                    self.packed += 1;
                    wire = to;
                }
            }
            self.wire += wire;
            self.pass(wire, world.link);
            if wire < EXTENT {
                let held_up = std::mem::replace(&mut self.held_up.1, 1.0);
                let took = EXTENT as f64 * 1000.0 / world.unpack * held_up;
                self.now += self.stall;
                let took = Duration::from_nanos(took as u64);
                self.packing.unpacked(wire, took, self.now);
            } else {
                self.packing.credited(wire, self.now);
            }
        }
    }

    pub fn begin(&mut self) {
        (self.tried, self.packed, self.extents, self.wire) = (0, 0, 0, 0);
    }
}

pub const TEXT: World = World {
    link: 12.5,
    pack: 300.0,
    unpack: 2000.0,
    ratio: 0.5,
};
/// Text over a link of so much.
pub fn over(link: f64) -> World {
    World { link, ..TEXT }
}

pub const NOISE: World = World {
    ratio: 1.0,
    pack: 5000.0,
    ..TEXT
};
