//! Names the commit that the program is built from, for the provenance of its runs.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MINIMASCOPE_COMMIT");
    if let Some(commit) = std::env::var("MINIMASCOPE_COMMIT").ok().or_else(commit_of_checkout) {
        println!("cargo::rustc-env=MINIMASCOPE_COMMIT={commit}");
    }
}

/// The commit of a checkout of this project; nothing for a published package, which may lie in the
/// repository of somebody else.
fn commit_of_checkout() -> Option<String> {
    Path::new("../../crates/experiment/build.rs").exists().then_some(())?;
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "HEAD"])
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
