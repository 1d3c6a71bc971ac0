//! The command line: what `microArgs` (agent/src/edge/vmm/qemu-args.ts) writes, nothing else.

const USAGE: &str = "usage: shoal-micro --name NAME --qmp SOCKET --ram FILE --memory-mib N --pidfile FILE \
                     --console SOCKET [--channel NAME=SOCKET]… [--incoming]";

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Args {
    pub name: String,
    pub qmp: String,
    pub ram: String,
    pub memory_mib: usize,
    pub pid_file: String,
    pub console: String,
    /// Sockets of the channels, in order.
    pub channels: Vec<String>,
    /// Waits for `migrate-incoming` instead of running.
    pub incoming: bool,
}

impl Args {
    /// Reads the words behind the program's name. Unknown, repeated or missing ones are an error that names them.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut memory = String::new();
        while let Some(word) = words.next() {
            if word == "--incoming" {
                args.incoming = true;
                continue;
            }
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| format!("{word} needs a value. {USAGE}"))
            };
            let field = match word.as_str() {
                "--channel" => {
                    let text = value()?;
                    let (_, path) = text
                        .split_once('=')
                        .ok_or_else(|| format!("--channel {text}: NAME=SOCKET is wanted"))?;
                    args.channels.push(path.to_owned());
                    continue;
                }
                "--name" => &mut args.name,
                "--qmp" => &mut args.qmp,
                "--ram" => &mut args.ram,
                "--memory-mib" => &mut memory,
                "--pidfile" => &mut args.pid_file,
                "--console" => &mut args.console,
                _ => return Err(format!("{word} is unknown. {USAGE}")),
            };
            if !field.is_empty() {
                return Err(format!("{word} is given twice"));
            }
            *field = value()?;
        }
        for (name, value) in [
            ("--name", &args.name),
            ("--qmp", &args.qmp),
            ("--ram", &args.ram),
            ("--memory-mib", &memory),
            ("--pidfile", &args.pid_file),
            ("--console", &args.console),
        ] {
            if value.is_empty() {
                return Err(format!("{name} is missing. {USAGE}"));
            }
        }
        args.memory_mib = match memory.parse() {
            Ok(mib) if (1..=1 << 20).contains(&mib) => mib,
            _ => return Err(format!("--memory-mib {memory}: a number from 1 to 1048576")),
        };
        Ok(args)
    }

    /// Removes pid file and sockets, as QEMU does when it ends in order.
    pub fn remove_files(&self) {
        let sockets = [&self.pid_file, &self.qmp, &self.console];
        for path in sockets.into_iter().chain(&self.channels) {
            // Whoever cleaned up already did what is wanted here.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "--name vm1 --qmp q --ram r --memory-mib 8 --pidfile p --console c";

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn the_agents_command_line_is_read() {
        let args = parse(&format!("{GOOD} --channel a=/x --channel b=/y --incoming")).unwrap();
        assert_eq!(
            (args.memory_mib, args.incoming, args.channels),
            (8, true, vec!["/x".to_owned(), "/y".to_owned()])
        );
        assert!(!parse(GOOD).unwrap().incoming);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            (format!("{GOOD} --turbo on"), "--turbo is unknown"),
            (format!("{GOOD} --channel x"), "NAME=SOCKET"),
            (format!("{GOOD} --name again"), "--name is given twice"),
            (GOOD.replace("--qmp q ", ""), "--qmp is missing"),
            (GOOD.replace("8", "0"), "--memory-mib 0"),
            (format!("{GOOD} --channel"), "needs a value"),
        ] {
            let sentence = parse(&line).unwrap_err();
            assert!(sentence.contains(part), "{line}: {sentence}");
        }
    }
}
