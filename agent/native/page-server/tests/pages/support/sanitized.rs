//! The preload as the compiler's sanitizers see it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// What a report of theirs ends the process with.
const EXIT: &str = "exitcode=99";

fn compiler() -> Command {
    Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
}

/// Built once a run: addresses and undefined behaviour are checked, and nothing goes on after a report.
fn library() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libshoal-uffd-sanitized.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../preload/uffd.c");
        let mut build = compiler();
        build
            .args([
                "-std=gnu11",
                "-g",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fPIC",
                "-shared",
            ])
            .args([
                "-fsanitize=address,undefined",
                "-fno-sanitize-recover=all",
                "-fno-omit-frame-pointer",
            ])
            .arg("-o")
            .args([&out, &PathBuf::from(source)]);
        let status = build.status().expect("a C compiler");
        assert!(
            status.success(),
            "the sanitizers of gcc are missing (Debian: libasan8, libubsan1)"
        );
        out
    })
}

/// Puts it in the place of the plain preload. The sanitizers' own library must come first.
pub fn sanitize(command: &mut Command) {
    let found = compiler()
        .arg("-print-file-name=libasan.so")
        .output()
        .expect("a C compiler");
    let runtime = String::from_utf8(found.stdout).expect("a path");
    let preload = format!("{} {}", runtime.trim(), library().display());
    command
        .env("LD_PRELOAD", preload)
        // The VMM's own leaks and faults are not the preload's.
        .env(
            "ASAN_OPTIONS",
            format!("detect_leaks=0:handle_segv=0:{EXIT}"),
        )
        .env("UBSAN_OPTIONS", format!("print_stacktrace=1:{EXIT}"));
}
