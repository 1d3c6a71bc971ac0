//! Capabilities and parameters: those that the agent sets (agent/src/edge/vmm/vmm.ts), with QEMU's defaults.

use crate::monitor::QmpError;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub events: bool,
    pub return_path: bool,
    pub pause_before_switchover: bool,
    /// A micro guest has no disks to activate: known, and without effect.
    late_block_activate: bool,
    /// Memory stays out of the stream: the page server moves it.
    pub ignore_shared: bool,
    /// The longest stop that the rounds of pre-copy aim at.
    pub downtime_limit_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            events: false,
            return_path: false,
            pause_before_switchover: false,
            late_block_activate: false,
            ignore_shared: false,
            downtime_limit_ms: 300,
        }
    }
}

impl Settings {
    /// All of the list or, with an error, none of it.
    pub fn with_capabilities(mut self, list: &[Value]) -> Result<Self, QmpError> {
        for item in list {
            let name = item["capability"]
                .as_str()
                .ok_or("Parameter 'capability' is missing")?;
            let field = match name {
                "events" => &mut self.events,
                "return-path" => &mut self.return_path,
                "pause-before-switchover" => &mut self.pause_before_switchover,
                "late-block-activate" => &mut self.late_block_activate,
                "x-ignore-shared" => &mut self.ignore_shared,
                _ => {
                    return Err(
                        format!("Parameter 'capability' does not accept value '{name}'").into(),
                    );
                }
            };
            *field = item["state"]
                .as_bool()
                .ok_or("Parameter 'state' is missing")?;
        }
        Ok(self)
    }

    /// `max-bandwidth` is taken and has no effect: the page server caps the stream.
    pub fn set_parameter(&mut self, name: &str, value: &Value) -> Result<(), QmpError> {
        let number = value.as_u64().ok_or_else(|| {
            QmpError::from(format!(
                "Invalid parameter type for '{name}', expected: integer"
            ))
        })?;
        match name {
            "max-bandwidth" => Ok(()),
            "downtime-limit" => {
                self.downtime_limit_ms = number;
                Ok(())
            }
            _ => Err(format!("Parameter '{name}' is unexpected").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_agents_capabilities_are_taken_and_unknown_ones_change_nothing() {
        let list = json!([
            { "capability": "return-path", "state": true },
            { "capability": "x-ignore-shared", "state": true },
            { "capability": "return-path", "state": false },
        ]);
        let settings = Settings::default()
            .with_capabilities(list.as_array().unwrap())
            .unwrap();
        assert!(settings.ignore_shared && !settings.return_path);
        for (item, part) in [
            (json!({ "capability": "xbzrle", "state": true }), "'xbzrle'"),
            (json!({ "capability": "events" }), "'state' is missing"),
            (json!({ "state": true }), "'capability' is missing"),
        ] {
            let error = settings.with_capabilities(&[item]).unwrap_err();
            assert!(error.desc.contains(part), "{}", error.desc);
        }
    }

    #[test]
    fn parameters_are_numbers_with_known_names() {
        let mut settings = Settings::default();
        settings.set_parameter("downtime-limit", &json!(7)).unwrap();
        assert_eq!(settings.downtime_limit_ms, 7);
        assert!(
            settings
                .set_parameter("max-bandwidth", &json!("x"))
                .is_err()
        );
        assert!(settings.set_parameter("cpu-throttle", &json!(1)).is_err());
    }
}
