//! The vectors that kernels use: the widest of this machine, found at run time.

use pulp::{Arch, WithSimd};

/// Runs a kernel with the widest vectors of this machine.
#[inline]
pub(crate) fn dispatch<W: WithSimd>(kernel: W) -> W::Output {
    #[cfg(test)]
    if let Some(arch) = forced::level() {
        return arch.dispatch(kernel);
    }
    Arch::new().dispatch(kernel)
}

/// Runs an elementwise loop with the widest vectors of this machine.
#[inline]
pub(crate) fn vectorized<R>(body: impl FnOnce() -> R) -> R {
    dispatch(body)
}

#[cfg(test)]
pub(crate) mod forced {
    use std::sync::{Mutex, PoisonError};

    use super::Arch;

    /// The level that every kernel takes instead of the machine's best, if there is one.
    static FORCED: Mutex<Option<Arch>> = Mutex::new(None);
    /// Held by the test that forces a level, so that only one does at a time.
    static CHOOSING: Mutex<()> = Mutex::new(());

    pub(super) fn level() -> Option<Arch> {
        *FORCED.lock().expect("nothing panics while it is held")
    }

    /// Runs `test` without vectors and with each width of them that this machine has.
    pub(crate) fn at_every_level(test: impl Fn()) {
        // A failed test leaves the lock poisoned and nothing else.
        let _choosing = CHOOSING.lock().unwrap_or_else(PoisonError::into_inner);
        let _restored = Restore;
        #[cfg(target_arch = "x86_64")]
        let wider = [
            pulp::x86::V3::try_new().map(|v3| ("AVX2 and FMA", Arch::V3(v3))),
            pulp::x86::V4::try_new().map(|v4| ("AVX-512", Arch::V4(v4))),
        ];
        #[cfg(target_arch = "aarch64")]
        let wider = [pulp::aarch64::Neon::try_new().map(|neon| ("NEON", Arch::Neon(neon)))];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let wider: [Option<(&str, Arch)>; 0] = [];
        for (name, arch) in
            [("baseline", Arch::Scalar)].into_iter().chain(wider.into_iter().flatten())
        {
            *FORCED.lock().expect("nothing panics while it is held") = Some(arch);
            eprintln!("vectors: {name}"); // shown where the test fails
            test();
        }
    }

    /// Lifts the forced level when it is dropped, also after a failed test.
    struct Restore;

    impl Drop for Restore {
        fn drop(&mut self) {
            *FORCED.lock().expect("nothing panics while it is held") = None;
        }
    }
}
