//! The line protocol: one command a line in, one answer a line out (README.md of this crate).

/// Share of the time that `verify` takes when none is given, percent of one CPU.
pub const VERIFY_DUTY_PERCENT: u8 = 10;
/// Longest interval of ticks; longer is a typing mistake.
const TICK_MAX_MS: u32 = 60_000;
/// Longest name of a job.
const JOB_NAME_MAX_BYTES: usize = 32;
/// Longest line; what is longer is noise on the wire.
pub const LINE_MAX_BYTES: usize = 256;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Be busy for this share of the time, percent of one CPU.
    Load { percent: u8 },
    /// Rewrite at most so many pages a second, all work within the first `hot_mib` (None: all that is filled).
    Touch {
        pages_per_s: u32,
        hot_mib: Option<u32>,
    },
    /// Fill so many MiB anew, with words that come again (`text`) instead of noise.
    Fill { mib: u32, text: bool },
    /// Check every filled page, taking this share of the time.
    Verify { duty_percent: u8 },
    /// Say where the work stands, every so many milliseconds; 0 ends it.
    Ticks { interval_ms: u32 },
    /// Keep records on a disk.
    Disk { device: String, action: DiskAction },
    /// Run a program of the root disk.
    Job { name: String, action: JobAction },
    /// One line about everything, with the number of the question if it had one.
    Status { ask: Option<u32> },
}

/// What to do with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskAction {
    /// Mount it if need be and append records, each synced.
    Start,
    /// Write no more; unmount what `Start` mounted.
    Stop,
    /// Read every record and check it.
    Check,
}

/// What to do with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAction {
    Start,
    /// End it if it runs, and forget it.
    Stop,
    /// Whether it runs, and for how long it has, with the number of the question if it had one.
    Status {
        ask: Option<u32>,
    },
}

/// A name that is also a file's, in one directory and no other.
fn job_name(word: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match word.len() <= JOB_NAME_MAX_BYTES && word.bytes().all(fits) {
        true => Ok(word.to_owned()),
        false => Err(format!(
            "the job's name is \"{word}\": give at most {JOB_NAME_MAX_BYTES} of a-z, 0-9 and -"
        )),
    }
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    word: Option<&str>,
    what: &str,
    max: T,
) -> Result<T, String> {
    let word = word.ok_or_else(|| format!("{what} is missing"))?;
    match word.parse::<T>() {
        Ok(value) if value <= max => Ok(value),
        _ => Err(format!(
            "{what} is \"{word}\": give a number from 0 to {max}"
        )),
    }
}

/// The number that a question may carry, so that a late answer is not taken for a newer one.
fn question<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Option<u32>, String> {
    words
        .next()
        .map(|word| number(Some(word), "the question's number", u32::MAX))
        .transpose()
}

/// Reads one line (without its end). Errors are sentences for the answer.
pub fn parse(line: &str) -> Result<Command, String> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or("");
    let command = match name {
        "load" => Command::Load {
            percent: number(words.next(), "the share in percent", 100)?,
        },
        "touch" => {
            let pages_per_s = number(words.next(), "pages per second", u32::MAX)?;
            let hot_mib = match words.next() {
                None | Some("all") => None,
                word => Some(number(word, "the hot part in MiB", u32::MAX)?.max(1)),
            };
            Command::Touch {
                pages_per_s,
                hot_mib,
            }
        }
        "fill" => Command::Fill {
            mib: number(words.next(), "the size in MiB", u32::MAX)?,
            text: match words.next() {
                None => false,
                Some("text") => true,
                Some(other) => return Err(format!("\"{other}\" is not text")),
            },
        },
        "verify" => {
            let duty = words
                .next()
                .map(|word| number(Some(word), "the share in percent", 100))
                .transpose()?;
            Command::Verify {
                duty_percent: duty.unwrap_or(VERIFY_DUTY_PERCENT).max(1),
            }
        }
        "ticks" => Command::Ticks {
            interval_ms: number(words.next(), "the interval in ms", TICK_MAX_MS)?,
        },
        "disk" => {
            let device = words.next().ok_or("the device is missing")?.to_owned();
            let action = match words.next() {
                Some("start") => DiskAction::Start,
                Some("stop") => DiskAction::Stop,
                Some("check") => DiskAction::Check,
                other => {
                    return Err(format!(
                        "\"{}\" is not start, stop or check",
                        other.unwrap_or("")
                    ));
                }
            };
            Command::Disk { device, action }
        }
        "job" => {
            let name = job_name(words.next().ok_or("the job's name is missing")?)?;
            let action = match words.next() {
                Some("start") => JobAction::Start,
                Some("stop") => JobAction::Stop,
                Some("status") => JobAction::Status {
                    ask: question(&mut words)?,
                },
                other => {
                    return Err(format!(
                        "\"{}\" is not start, stop or status",
                        other.unwrap_or("")
                    ));
                }
            };
            Command::Job { name, action }
        }
        "status" => Command::Status {
            ask: question(&mut words)?,
        },
        _ => {
            return Err(
                "no such command: try load, touch, fill, verify, ticks, disk, job or status"
                    .to_owned(),
            );
        }
    };
    match words.next() {
        None => Ok(command),
        Some(word) => Err(format!("\"{word}\" is one word too many")),
    }
}

/// The answer to a line that was not understood or could not be done: `error <line>: <sentence>`.
pub fn error(line: &str, sentence: &str) -> String {
    let shown: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("error {shown}: {sentence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_read() {
        assert_eq!(parse("load 50"), Ok(Command::Load { percent: 50 }));
        let fill = |text| Ok(Command::Fill { mib: 700, text });
        assert_eq!(parse(" fill  700 "), fill(false));
        assert_eq!(parse("fill 700 text"), fill(true));
        assert!(parse("fill 700 noise").is_err());
        assert_eq!(
            parse("verify"),
            Ok(Command::Verify {
                duty_percent: VERIFY_DUTY_PERCENT
            })
        );
        assert_eq!(parse("verify 15"), Ok(Command::Verify { duty_percent: 15 }));
        assert_eq!(parse("ticks 10"), Ok(Command::Ticks { interval_ms: 10 }));
        assert_eq!(
            parse("touch 500"),
            Ok(Command::Touch {
                pages_per_s: 500,
                hot_mib: None
            })
        );
        assert_eq!(
            parse("touch 500 8"),
            Ok(Command::Touch {
                pages_per_s: 500,
                hot_mib: Some(8)
            })
        );
        assert_eq!(
            parse("touch 0 all"),
            Ok(Command::Touch {
                pages_per_s: 0,
                hot_mib: None
            })
        );
        assert_eq!(
            parse("disk /dev/vda check"),
            Ok(Command::Disk {
                device: "/dev/vda".into(),
                action: DiskAction::Check
            })
        );
        let job = |action| {
            let name = "compile-quick".to_owned();
            Ok(Command::Job { name, action })
        };
        assert_eq!(parse("job compile-quick start"), job(JobAction::Start));
        assert_eq!(parse("job compile-quick stop"), job(JobAction::Stop));
        for (line, ask) in [("status", None), ("status 3", Some(3))] {
            let line = format!("job compile-quick {line}");
            assert_eq!(parse(&line), job(JobAction::Status { ask }));
        }
        assert_eq!(parse("status"), Ok(Command::Status { ask: None }));
        assert_eq!(parse("status 7"), Ok(Command::Status { ask: Some(7) }));
    }

    #[test]
    fn what_is_not_understood_says_what_is_wrong() {
        for (line, part) in [
            ("", "no such command"),
            ("dance", "no such command"),
            ("load", "is missing"),
            ("load 101", "from 0 to 100"),
            ("load -1", "from 0 to 100"),
            ("load 5 6", "one word too many"),
            ("ticks 3600000", "from 0 to 60000"),
            ("disk /dev/vda", "not start, stop or check"),
            ("job", "the job's name is missing"),
            ("job ../bin/sh start", "a-z, 0-9 and -"),
            ("job compile", "not start, stop or status"),
            ("job compile start 3", "one word too many"),
            ("status quo", "the question's number"),
        ] {
            let sentence = parse(line).unwrap_err();
            assert!(sentence.contains(part), "{line}: {sentence}");
        }
        assert_eq!(error("x\u{7}y", "no"), "error xy: no");
    }
}
