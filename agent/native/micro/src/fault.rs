//! Fault switches for tests, by the environment: `SHOAL_MICRO_FAULT`, a comma separated list.
//!
//! | switch | effect |
//! |---|---|
//! | `refuse-cont` | every `cont` over the monitor is refused (as QEMU does when a disk's lock is taken); the run state stays |
//! | `die-on-load` | an incoming migration has come whole, but the process dies before it says so |
//! | `die-on-cont` | `cont` kills the process before the guest runs |
//! | `resume-after-postmigrate` | a source whose migration completed runs its guest again by itself (RESUME): the double run that no rule may allow to go unseen |

/// Exit code of a death by a switch (`EX_SOFTWARE` of sysexits.h).
pub const FAULT_EXIT: i32 = 70;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub refuse_cont: bool,
    pub die_on_load: bool,
    pub die_on_cont: bool,
    pub resume_after_postmigrate: bool,
}

impl Faults {
    /// Unknown switches are an error: a test that asks for one must not pass by accident.
    pub fn from_env() -> Result<Self, String> {
        Self::parse(&std::env::var("SHOAL_MICRO_FAULT").unwrap_or_default())
    }

    fn parse(list: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for word in list
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "refuse-cont" => faults.refuse_cont = true,
                "die-on-load" => faults.die_on_load = true,
                "die-on-cont" => faults.die_on_cont = true,
                "resume-after-postmigrate" => faults.resume_after_postmigrate = true,
                _ => return Err(format!("SHOAL_MICRO_FAULT: {word} is no fault switch")),
            }
        }
        Ok(faults)
    }
}

/// Dies as the switch demands, without cleaning up.
pub fn die(switch: &str) -> ! {
    eprintln!("shoal-micro: dies by the fault switch {switch}");
    std::process::exit(FAULT_EXIT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_read_and_unknown_ones_refused() {
        assert_eq!(Faults::parse(""), Ok(Faults::default()));
        let both = Faults::parse("refuse-cont, die-on-load").unwrap();
        assert!(both.refuse_cont && both.die_on_load && !both.die_on_cont);
        assert!(Faults::parse("explode").unwrap_err().contains("explode"));
    }
}
