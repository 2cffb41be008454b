//! Ctrl-C and SIGTERM: the first asks the run to save itself, the second ends the program.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens from now on; the flag becomes true when the program is asked to stop.
pub(crate) fn flag() -> &'static AtomicBool {
    // It fails only where a handler stands already, and then the flag is right as it is.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        anstream::eprintln!("stopping at the next step; once more to stop at once");
    });
    &ASKED
}
