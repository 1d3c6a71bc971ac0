#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use shoal_pages::session::{Role, Session};
use shoal_pages::{fetch, serve, sys, tls};

const USAGE: &str = "usage: shoal-pages init|serve|fetch <session directory>, or shoal-pages probe";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("shoal-pages: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    abort_on_panic();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["probe"] {
        println!("{}", probe());
        return Ok(());
    }
    let [verb, dir] = arguments.as_slice() else {
        return Err(USAGE.to_owned());
    };
    let dir = Path::new(dir);
    sys::process::private_umask();
    sys::process::keep_freed_memory();
    match verb.as_str() {
        "init" => {
            println!("{{\"certSha256\":\"{}\"}}", tls::init(dir)?);
            Ok(())
        }
        "serve" => serve::run(Session::load(dir, Role::Serve)?),
        "fetch" => fetch::run(Session::load(dir, Role::Fetch)?),
        _ => Err(USAGE.to_owned()),
    }
}

/// What post-copy needs of the kernel, as this user; an empty text: it may.
fn probe() -> serde_json::Value {
    let found = sys::probe::look();
    let why_not = |tried: std::io::Result<()>| tried.err().map_or(String::new(), |e| e.to_string());
    serde_json::json!({
        "device": why_not(found.device),
        "call": why_not(found.call),
        "fills": found.fills,
        "tracks": found.tracks,
    })
}

/// A thread that is gone would leave a guest waiting with nobody to tell. A process that is gone is noticed, and the
/// guest waits just as safely: the preload keeps the userfaultfd.
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}
