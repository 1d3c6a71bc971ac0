//! Compiles the preload library with the C compiler and puts it beside the binaries.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    let source = PathBuf::from("../preload/uffd.c");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    // OUT_DIR is <target>/<profile>/build/<crate>/out.
    let beside = out
        .ancestors()
        .nth(3)
        .expect("OUT_DIR lies in the target directory")
        .join("libshoal-uffd.so");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let status = Command::new(&compiler)
        .args([
            "-std=gnu11",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fPIC",
            "-shared",
            "-o",
        ])
        .arg(&beside)
        .arg(&source)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{compiler} ended with {status}"),
        Err(error) => panic!(
            "{compiler} cannot be run: {error}. Install a C compiler (Debian: gcc libc6-dev)"
        ),
    }
}
