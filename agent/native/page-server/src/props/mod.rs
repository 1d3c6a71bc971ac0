//! What must hold for anything that can come in, tried with cases that nobody thought of (docs/decisions/0020).
//! The same cases each time, so that a run that fails fails again; `PROPTEST_CASES=100000` makes as many new ones.

mod bitmap;
mod frames;
mod move_model;
mod move_world;
mod moves;
mod packing;
mod source_model;
mod window;

use proptest::test_runner::{Config, RngSeed};

/// `cases` of a fixed seed, or what the environment asks for.
fn cases(cases: u32) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = Config::default();
    Config {
        cases: if asked { default.cases } else { cases },
        rng_seed: if asked {
            default.rng_seed
        } else {
            RngSeed::Fixed(20)
        },
        // What is found becomes a test with a name.
        failure_persistence: None,
        ..default
    }
}
