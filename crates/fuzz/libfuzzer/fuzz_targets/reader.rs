//! Runs the target that the variable `READER` names.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use minimascope_fuzz::{TARGETS, FuzzTarget};

static TARGET: LazyLock<&FuzzTarget> = LazyLock::new(|| {
    let names = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let name = std::env::var("READER").unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("set READER to one of {}", names()))
});

fuzz_target!(|input: &[u8]| TARGET.run(input));
