//! A team of threads that share phases of a few microseconds: the kernels of a step on a few
//! examples.
//!
//! A phase is work cut into parts. The calling thread does part 0. Each helper may claim the part
//! of its own number, and when the caller has finished its own part it does every part that no
//! helper has claimed. So a phase never waits for a thread that has not begun, and on a machine
//! with other work it costs little more than one thread would. A pool of tasks takes some
//! microseconds to hand work over; a helper that polls the number of the phase takes a tenth of
//! one. Between phases a helper polls for [`POLLING`] and then sleeps.
//!
//! Which thread does a part changes no bit: the caller defines the parts, and each is done once.

use std::cell::UnsafeCell;
use std::hint;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// The most threads of a team, the calling thread included: the phases are too short for more.
const MOST: usize = 16;
/// The fewest multiply–adds worth a thread: about a microsecond, which is what sharing costs.
pub(crate) const LEAST: usize = 1 << 14;
/// How long a thread polls before it sleeps: longer than the time between two steps. It does not
/// yield meanwhile, because on a busy machine the scheduler would take the rest of its time slice,
/// a thousand times the wait.
const POLLING: Duration = Duration::from_micros(50);
/// Polls between two readings of the clock.
const POLLS_AT_ONCE: usize = 32;
/// Low bits of [`TeamState::phase`], which hold the number of parts.
const PARTS_BITS: u32 = 8;

/// The calling thread plus up to 15 helpers.
#[derive(Debug)]
pub(crate) struct Team {
    /// None if the calling thread works alone.
    helpers: Option<Helpers>,
}

#[derive(Debug)]
struct Helpers {
    state: Arc<TeamState>,
    threads: Vec<JoinHandle<()>>,
}

/// What the caller and the helpers read and write.
struct TeamState {
    /// The number of the current phase, above the number of its parts.
    phase: CacheLine<AtomicU64>,
    /// Whether a caller is inside a phase.
    busy: AtomicBool,
    /// The work of a part. The caller writes it between two phases. A thread reads it after it has
    /// claimed a part, and the phase cannot end before that part has.
    work: UnsafeCell<*const (dyn Fn(usize) + Sync)>,
    /// One for each helper: helper h does part h + 1.
    helpers: Vec<CacheLine<HelperState>>,
    /// Whether the caller sleeps until the helpers are done.
    caller_sleeps: AtomicBool,
    /// The caller's thread, to wake it.
    caller: Mutex<Option<Thread>>,
    /// Whether the team ends.
    closed: AtomicBool,
    /// Whether a helper's part has panicked in this phase.
    panicked: AtomicBool,
}

/// A value on cache lines of its own, so that two threads do not write to one.
#[repr(align(128))]
struct CacheLine<U>(U);

#[derive(Default)]
struct HelperState {
    /// The last phase in which this helper's part was claimed, by the helper or by the caller.
    claimed: AtomicU64,
    /// The last phase in which the part was done.
    done: AtomicU64,
    /// Whether the helper sleeps.
    sleeps: AtomicBool,
}

// SAFETY: `work` is the only field that is not Sync by itself. It points to something Sync, is
// written by the one caller that has set `busy`, while no part is claimed and not done, and is read
// after a claim, which the store of the phase's number precedes.
unsafe impl Send for TeamState {}
// SAFETY: as above.
unsafe impl Sync for TeamState {}

impl std::fmt::Debug for TeamState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TeamState").finish_non_exhaustive()
    }
}

impl Team {
    /// The calling thread and `threads − 1` helpers, or as many as the machine lets start.
    pub(crate) fn new(threads: usize) -> Self {
        let more = threads.min(MOST).saturating_sub(1);
        if more == 0 {
            return Self { helpers: None };
        }
        let nothing: &'static (dyn Fn(usize) + Sync) = &|_| {};
        let state = Arc::new(TeamState {
            phase: CacheLine(AtomicU64::new(0)),
            busy: AtomicBool::new(false),
            work: UnsafeCell::new(nothing),
            helpers: (0..more).map(|_| CacheLine(HelperState::default())).collect(),
            caller_sleeps: AtomicBool::new(false),
            caller: Mutex::new(None),
            closed: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let start = |helper: usize| {
            let state = state.clone();
            thread::Builder::new()
                .name(format!("step-{}", helper + 1))
                .spawn(move || state.serve(helper))
        };
        let threads = (0..more).map_while(|helper| start(helper).ok()).collect();
        Self { helpers: Some(Helpers { state, threads }) }
    }

    /// The calling thread alone.
    pub(crate) fn alone() -> &'static Self {
        static ALONE: Team = Team { helpers: None };
        &ALONE
    }

    /// The number of parts that work of `size` is cut into, each of at least `least`.
    pub(crate) fn parts(&self, size: usize, least: usize) -> usize {
        let threads = 1 + self.helpers.as_ref().map_or(0, |helpers| helpers.threads.len());
        threads.min(size / least).max(1)
    }

    /// Calls `work` for every piece. There are at most as many pieces as [`Team::parts`] gives.
    pub(crate) fn share_each<U: Send>(
        &self,
        mut pieces: impl Iterator<Item = U>,
        work: impl Fn(U) + Sync,
    ) {
        let pieces: [_; MOST] = std::array::from_fn(|_| Mutex::new(pieces.next()));
        let parts = pieces.iter().take_while(|piece| lock(piece).is_some()).count();
        self.share(parts, &|part| {
            let piece = lock(&pieces[part]).take();
            work(piece.expect("each part is done once"));
        });
    }

    /// Calls work(0), …, work(parts − 1), each once, on any threads and in any order.
    pub(crate) fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        match &self.helpers {
            Some(Helpers { state, threads }) if parts > 1 => {
                assert!(parts <= 1 + threads.len(), "{parts} parts for {} threads", threads.len());
                state.share(parts, threads, work);
            }
            _ => (0..parts).for_each(work),
        }
    }
}

/// Part `part` of `parts` of 0..count, cut at multiples of `unit`.
pub(crate) fn part_of(count: usize, unit: usize, (part, parts): (usize, usize)) -> Range<usize> {
    let units = count.div_ceil(unit);
    let at = |part: usize| (units * part / parts * unit).min(count);
    at(part)..at(part + 1)
}

/// Rows of `width` numbers cut into parts at multiples of `unit` rows: the rows, and their numbers.
pub(crate) fn cut_rows<U>(
    numbers: &mut [U],
    width: usize,
    unit: usize,
    parts: usize,
) -> impl Iterator<Item = (Range<usize>, &mut [U])> {
    let rows = numbers.len() / width;
    let mut left = numbers;
    (0..parts).map(move |part| {
        let range = part_of(rows, unit, (part, parts));
        let (numbers, rest) = std::mem::take(&mut left).split_at_mut(range.len() * width);
        left = rest;
        (range, numbers)
    })
}

fn lock<U>(mutex: &Mutex<U>) -> MutexGuard<'_, U> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Helpers {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A helper catches what its work panics with.
            let _ = thread.join();
        }
    }
}

impl TeamState {
    fn share(&self, parts: usize, threads: &[JoinHandle<()>], work: &(dyn Fn(usize) + Sync)) {
        if self.busy.swap(true, Ordering::Acquire) {
            // Another caller is inside a phase, or this one is inside a part.
            return (0..parts).for_each(work);
        }
        let number = (self.phase.0.load(Ordering::Relaxed) >> PARTS_BITS) + 1;
        // SAFETY: only the caller that has set `busy` writes, and no helper reads: the last phase
        // ended after all its parts, and no part of a phase is claimed before it begins. The lifetime
        // is left out for as long as this function runs: it returns, or unwinds, when every part
        // is done, and a later claim of this phase fails.
        unsafe {
            *self.work.get() = std::mem::transmute::<
                *const (dyn Fn(usize) + Sync + '_),
                *const (dyn Fn(usize) + Sync + 'static),
            >(std::ptr::from_ref(work));
        }
        self.phase.0.store(number << PARTS_BITS | parts as u64, Ordering::SeqCst);
        for (helper, thread) in self.helpers.iter().zip(threads).take(parts - 1) {
            if helper.0.sleeps.load(Ordering::SeqCst) {
                thread.thread().unpark();
            }
        }
        let mine = catch_unwind(AssertUnwindSafe(|| {
            work(0);
            let left = (1..parts).filter(|part| self.take(*part, number));
            left.for_each(work);
        }));
        if mine.is_err() {
            // The parts that nobody has claimed are not to be done any more.
            for part in 1..parts {
                let _ = self.take(part, number);
            }
        }
        self.wait(parts, number);
        let panicked = self.panicked.swap(false, Ordering::Relaxed);
        self.busy.store(false, Ordering::Release);
        match mine {
            Err(panic) => resume_unwind(panic),
            Ok(_) => assert!(!panicked, "a part of a phase has panicked"),
        }
    }

    /// Claims a helper's part for the caller. Returns whether it was free.
    fn take(&self, part: usize, number: u64) -> bool {
        let helper = &self.helpers[part - 1].0;
        let is_mine = helper.claim(number);
        if is_mine {
            helper.done.store(number, Ordering::Relaxed);
        }
        is_mine
    }

    /// Waits until every part is done.
    fn wait(&self, parts: usize, number: u64) {
        let helpers = &self.helpers[..parts - 1];
        let done = || {
            let is_done =
                |helper: &CacheLine<HelperState>| helper.0.done.load(Ordering::SeqCst) == number;
            helpers.iter().all(is_done).then_some(())
        };
        if poll(done).is_some() {
            return;
        }
        *lock(&self.caller) = Some(thread::current());
        self.caller_sleeps.store(true, Ordering::SeqCst);
        while done().is_none() {
            thread::park();
        }
        self.caller_sleeps.store(false, Ordering::Relaxed);
    }

    /// What a helper's thread runs: it does its part of each phase until the team ends.
    fn serve(&self, helper: usize) {
        let mut last = 0;
        while let Some(phase) = self.next(helper, last) {
            last = phase;
            let (number, parts) = (phase >> PARTS_BITS, phase & ((1 << PARTS_BITS) - 1));
            let part = helper + 1;
            if part as u64 >= parts || !self.helpers[helper].0.claim(number) {
                continue;
            }
            // SAFETY: this part is claimed and not done, so the phase's caller has not returned:
            // what it points to is alive and is not written.
            let work = unsafe { &**self.work.get() };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(part))) {
                // Dropping the payload could panic itself, before the part counts as done.
                std::mem::forget(panic);
                self.panicked.store(true, Ordering::Relaxed);
            }
            self.helpers[helper].0.done.store(number, Ordering::SeqCst);
            if self.caller_sleeps.load(Ordering::SeqCst)
                && let Some(caller) = &*lock(&self.caller)
            {
                caller.unpark();
            }
        }
    }

    /// Waits for the phase after `last`; None when the team ends.
    fn next(&self, helper: usize, last: u64) -> Option<u64> {
        let new = || {
            let phase = self.phase.0.load(Ordering::SeqCst);
            let closed = self.closed.load(Ordering::SeqCst);
            (closed || phase != last).then_some((!closed).then_some(phase))
        };
        if let Some(phase) = poll(new) {
            return phase;
        }
        let sleeps = &self.helpers[helper].0.sleeps;
        sleeps.store(true, Ordering::SeqCst);
        loop {
            if let Some(phase) = new() {
                sleeps.store(false, Ordering::Relaxed);
                return phase;
            }
            thread::park();
        }
    }
}

impl HelperState {
    /// Claims the part in this phase. Returns whether it was free.
    fn claim(&self, number: u64) -> bool {
        let last = self.claimed.load(Ordering::Relaxed);
        let (acquire, relaxed) = (Ordering::AcqRel, Ordering::Relaxed);
        last < number && self.claimed.compare_exchange(last, number, acquire, relaxed).is_ok()
    }
}

/// Asks `at` again and again for as long as [`POLLING`].
fn poll<U>(mut at: impl FnMut() -> Option<U>) -> Option<U> {
    let mut started = None;
    loop {
        for _ in 0..POLLS_AT_ONCE {
            if let Some(found) = at() {
                return Some(found);
            }
            hint::spin_loop();
        }
        let now = Instant::now();
        if now - *started.get_or_insert(now) > POLLING {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Miri takes seconds for what takes microseconds.
    const PHASES: usize = if cfg!(miri) { 40 } else { 2_000 };

    /// Phases of every number of parts, with pauses after which helpers sleep.
    #[test]
    fn every_part_is_done_once() {
        for threads in [1, 2, 3, 5] {
            let team = Team::new(threads);
            for phase in 0..PHASES {
                let parts = 1 + phase % threads;
                let counts = [const { AtomicUsize::new(0) }; 5];
                team.share(parts, &|part| {
                    counts[part].fetch_add(1, Ordering::Relaxed);
                });
                let done = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
                assert_eq!(done, std::array::from_fn(|part| usize::from(part < parts)));
                if phase % (PHASES / 4) == 0 {
                    thread::sleep(4 * POLLING);
                }
            }
        }
    }

    /// What one part writes is there for the caller after the phase, and for all in the next.
    #[test]
    fn a_phase_sees_what_the_last_one_wrote() {
        let team = Team::new(3);
        let numbers = [const { AtomicUsize::new(0) }; 3];
        for phase in 0..5 * PHASES {
            team.share(3, &|part| {
                let left = numbers[(part + phase) % 3].load(Ordering::Relaxed);
                assert!(left == phase || left == phase + 1);
                numbers[part].store(phase + 1, Ordering::Relaxed);
            });
            assert!(numbers.iter().all(|number| number.load(Ordering::Relaxed) == phase + 1));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        let team = Team::new(2);
        for bad in [0, 1] {
            let work = |part: usize| assert!(part != bad, "planted");
            let caught = catch_unwind(AssertUnwindSafe(|| team.share(2, &work)));
            assert!(caught.is_err());
            let count = AtomicUsize::new(0);
            team.share(2, &|_| _ = count.fetch_add(1, Ordering::Relaxed));
            assert_eq!(count.into_inner(), 2);
        }
    }

    /// Runs a phase whose second part the helper does: the caller's own part ends only when the
    /// helper has begun.
    fn with_a_helper(team: &Team, work: impl Fn() + Sync) {
        let begun = AtomicBool::new(false);
        team.share(2, &|part| {
            if part == 0 {
                while !begun.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            } else {
                begun.store(true, Ordering::Relaxed);
                work();
            }
        });
    }

    #[test]
    fn a_caller_that_sleeps_is_woken() {
        let team = Team::new(2);
        let count = AtomicUsize::new(0);
        for _ in 0..20 {
            with_a_helper(&team, || {
                thread::sleep(20 * POLLING);
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(count.into_inner(), 20);
    }

    #[test]
    fn a_panic_of_a_helper_reaches_the_caller() {
        let team = Team::new(2);
        let caught = catch_unwind(AssertUnwindSafe(|| with_a_helper(&team, || panic!("planted"))));
        assert!(caught.is_err());
        with_a_helper(&team, || {});
    }

    /// A phase inside a part is done by that part's thread.
    #[test]
    fn phases_nest() {
        let team = Team::new(2);
        let count = AtomicUsize::new(0);
        team.share(2, &|_| team.share(2, &|_| _ = count.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(count.into_inner(), 4);
    }
}
