//! The device state: all of the guest that is not in its memory. A few hundred bytes of JSON on the stream.

use serde_json::{Value, json};
use shoal_workload::engine::State;
use shoal_workload::ticker::Ticks;

const MAGIC: &str = "shoal-micro";
const VERSION: u64 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// Seed of the pattern: another VM's state does not pass for this one's.
    pub seed: u64,
    /// Of the run ledger: the same from cold start to end, on all nodes.
    pub life: u64,
    /// Pages under the pattern.
    pub filled: usize,
    /// Migrations, this one included.
    pub moves: u64,
    pub engine: State,
    pub tick_interval_ms: u32,
    pub ticks_said: u64,
}

impl DeviceState {
    pub fn encode(&self) -> Vec<u8> {
        let engine = &self.engine;
        json!({
            "magic": MAGIC,
            "version": VERSION,
            "seed": self.seed,
            "life": self.life,
            "filled": self.filled,
            "moves": self.moves,
            "random": engine.random,
            "load": engine.load_percent,
            "touch": engine.touch_pages_per_s,
            "hotMib": engine.hot_mib,
            "verify": engine.verify.map(|(next, duty)| [next as u64, u64::from(duty)]),
            "work": engine.work,
            "bad": engine.bad,
            "tickIntervalMs": self.tick_interval_ms,
            "ticksSaid": self.ticks_said,
        })
        .to_string()
        .into_bytes()
    }

    /// Errors name the field that is missing or out of range.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("device state: {error}"))?;
        if value["magic"] != MAGIC || value["version"] != VERSION {
            return Err(format!("device state: not {MAGIC} version {VERSION}"));
        }
        let optional = |name: &str| (!value[name].is_null()).then_some(());
        let pair = |at: usize| narrow::<u64>(value["verify"][at].as_u64(), "verify");
        let verify = match optional("verify") {
            Some(()) => Some((
                narrow(Some(pair(0)?), "verify")?,
                narrow(Some(pair(1)?), "verify")?,
            )),
            None => None,
        };
        let hot_mib = match optional("hotMib") {
            Some(()) => Some(field(&value, "hotMib")?),
            None => None,
        };
        Ok(Self {
            seed: field(&value, "seed")?,
            life: field(&value, "life")?,
            filled: field(&value, "filled")?,
            moves: field(&value, "moves")?,
            engine: State {
                random: field(&value, "random")?,
                load_percent: field(&value, "load")?,
                touch_pages_per_s: field(&value, "touch")?,
                hot_mib,
                verify,
                work: field(&value, "work")?,
                bad: field(&value, "bad")?,
            },
            tick_interval_ms: field(&value, "tickIntervalMs")?,
            ticks_said: field(&value, "ticksSaid")?,
        })
    }

    pub fn ticks(&self) -> Ticks {
        Ticks {
            interval_ms: self.tick_interval_ms,
            said: self.ticks_said,
            held: true,
        }
    }
}

fn field<T: TryFrom<u64>>(value: &Value, name: &str) -> Result<T, String> {
    narrow(value[name].as_u64(), name)
}

fn narrow<T: TryFrom<u64>>(number: Option<u64>, name: &str) -> Result<T, String> {
    number
        .and_then(|number| number.try_into().ok())
        .ok_or_else(|| format!("device state: {name} is missing or out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> DeviceState {
        DeviceState {
            seed: u64::MAX,
            life: u64::MAX - 2,
            filled: 512,
            moves: 3,
            engine: State {
                random: u64::MAX - 1,
                load_percent: 40,
                touch_pages_per_s: 1000,
                hot_mib: Some(2),
                verify: Some((17, 10)),
                work: 99,
                bad: 0,
            },
            tick_interval_ms: 20,
            ticks_said: 7,
        }
    }

    #[test]
    fn a_state_survives_the_stream_and_is_small() {
        let mut plain = state();
        plain.engine.hot_mib = None;
        plain.engine.verify = None;
        for state in [state(), plain] {
            let bytes = state.encode();
            assert!(bytes.len() < 400, "{} bytes", bytes.len());
            assert_eq!(DeviceState::decode(&bytes), Ok(state));
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let text = String::from_utf8(state().encode()).unwrap();
        for (from, to, part) in [
            ("shoal-micro", "other", "not shoal-micro"),
            ("\"load\":40", "\"load\":400", "load"),
            ("\"work\":99", "\"work\":-1", "work"),
            ("[17,10]", "[17]", "verify"),
        ] {
            let sentence = DeviceState::decode(text.replace(from, to).as_bytes()).unwrap_err();
            assert!(sentence.contains(part), "{sentence}");
        }
        assert!(DeviceState::decode(b"{").is_err());
    }
}
