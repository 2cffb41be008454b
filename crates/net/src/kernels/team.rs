//! Threads that share phases of a few microseconds: the kernels of a step on a few examples.
//!
//! A phase is cut into parts. The caller does part 0; each member of the team may claim the part of
//! its own number, and what nobody has claimed when the caller is through with its own, the caller
//! does as well. So a phase never waits for a thread that has not begun, and a machine with other
//! work on it costs little more than one thread would. A pool of tasks hands over in some
//! microseconds; a member that looks at the phase's number all the time takes a tenth of one.
//!
//! Between phases a member looks for [`LOOKS`] and then sleeps.
//! Which thread does a part changes no bit: the parts are the caller's, and each is done once.

use std::cell::UnsafeCell;
use std::hint;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// The most threads of a team, the caller among them: the phases are too short for more.
const MOST: usize = 16;
/// Multiply–adds below which a thread is not worth its waiting: about a microsecond.
pub(crate) const LEAST: usize = 1 << 14;
/// How long a thread looks before it sleeps: longer than what lies between two steps. It does not
/// yield meanwhile: on a busy machine the scheduler takes that for the rest of its time slice, a
/// thousand times the wait.
const LOOKS: Duration = Duration::from_micros(50);
/// Looks between two readings of the clock.
const LOOKS_AT_ONCE: usize = 32;
/// A phase's number stands above its parts.
const PARTS_BITS: u32 = 8;

/// The thread that has this, and as many more as it was given.
#[derive(Debug)]
pub(crate) struct Team {
    /// None: the caller is alone.
    members: Option<Members>,
}

#[derive(Debug)]
struct Members {
    board: Arc<Board>,
    threads: Vec<JoinHandle<()>>,
}

/// What the caller and the members read and write.
struct Board {
    /// Number and parts of the phase.
    phase: Line<AtomicU64>,
    /// Whether a caller is in a phase.
    busy: AtomicBool,
    /// What is done in each part. Written by the caller between two phases, read by who has claimed
    /// a part of a phase, which cannot end before that part.
    work: UnsafeCell<*const (dyn Fn(usize) + Sync)>,
    /// One a member, for the parts from 1 on.
    desks: Vec<Line<Desk>>,
    /// Whether the caller sleeps until the members are done, and who it is.
    caller_sleeps: AtomicBool,
    caller: Mutex<Option<Thread>>,
    closed: AtomicBool,
    panicked: AtomicBool,
}

/// Of a cache line's size, so that two threads do not write to one.
#[repr(align(128))]
struct Line<U>(U);

#[derive(Default)]
struct Desk {
    /// The last phase of which this part was claimed, by the member or by the caller.
    claimed: AtomicU64,
    /// The last phase of which the member has done it.
    done: AtomicU64,
    sleeps: AtomicBool,
}

// SAFETY: `work` is the only field that is not Sync by itself. It points to something Sync, is
// written by the one caller that has set `busy`, while no part is claimed and not done, and is read
// after a claim, which the store of the phase's number precedes.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl Team {
    /// The caller and `threads − 1` members, or as many as the machine lets start.
    pub(crate) fn new(threads: usize) -> Self {
        let more = threads.min(MOST).saturating_sub(1);
        if more == 0 {
            return Self { members: None };
        }
        let nothing: &'static (dyn Fn(usize) + Sync) = &|_| {};
        let board = Arc::new(Board {
            phase: Line(AtomicU64::new(0)),
            busy: AtomicBool::new(false),
            work: UnsafeCell::new(nothing),
            desks: (0..more).map(|_| Line(Desk::default())).collect(),
            caller_sleeps: AtomicBool::new(false),
            caller: Mutex::new(None),
            closed: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let start = |desk: usize| {
            let board = board.clone();
            thread::Builder::new()
                .name(format!("step-{}", desk + 1))
                .spawn(move || board.serve(desk))
        };
        let threads = (0..more).map_while(|desk| start(desk).ok()).collect();
        Self { members: Some(Members { board, threads }) }
    }

    /// The caller alone.
    pub(crate) fn alone() -> &'static Self {
        static ALONE: Team = Team { members: None };
        &ALONE
    }

    /// In how many parts to cut work of `size`, of which less than `least` is not worth a part.
    pub(crate) fn parts(&self, size: usize, least: usize) -> usize {
        let threads = 1 + self.members.as_ref().map_or(0, |members| members.threads.len());
        threads.min(size / least).max(1)
    }

    /// `work` for every piece, of which there are at most as many as [`Team::parts`] gives.
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

    /// work(0), …, work(parts − 1), each once, on any threads and in any order.
    pub(crate) fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        match &self.members {
            Some(Members { board, threads }) if parts > 1 => {
                assert!(parts <= 1 + threads.len(), "{parts} parts for {} threads", threads.len());
                board.share(parts, threads, work);
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

impl Drop for Members {
    fn drop(&mut self) {
        self.board.closed.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A member catches what its work panics with.
            let _ = thread.join();
        }
    }
}

impl Board {
    fn share(&self, parts: usize, threads: &[JoinHandle<()>], work: &(dyn Fn(usize) + Sync)) {
        if self.busy.swap(true, Ordering::Acquire) {
            // Another caller, or this one from inside a part.
            return (0..parts).for_each(work);
        }
        let number = (self.phase.0.load(Ordering::Relaxed) >> PARTS_BITS) + 1;
        // SAFETY: only the caller that has set `busy` writes, and no member reads: the last phase
        // ended after all its parts, and none is claimed of one that has not begun. The lifetime
        // is left out for as long as this function runs: it returns, or unwinds, when every part
        // is done, and a later claim of this phase fails.
        unsafe {
            *self.work.get() = std::mem::transmute::<
                *const (dyn Fn(usize) + Sync + '_),
                *const (dyn Fn(usize) + Sync + 'static),
            >(std::ptr::from_ref(work));
        }
        self.phase.0.store(number << PARTS_BITS | parts as u64, Ordering::SeqCst);
        for (desk, thread) in self.desks.iter().zip(threads).take(parts - 1) {
            if desk.0.sleeps.load(Ordering::SeqCst) {
                thread.thread().unpark();
            }
        }
        let mine = catch_unwind(AssertUnwindSafe(|| {
            work(0);
            let left = (1..parts).filter(|part| self.take(*part, number));
            left.for_each(work);
        }));
        if mine.is_err() {
            // What nobody has claimed shall not be done any more.
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

    /// Whether the part is the caller's to do, which then waits for nobody to do it.
    fn take(&self, part: usize, number: u64) -> bool {
        let desk = &self.desks[part - 1].0;
        let is_mine = desk.claim(number);
        if is_mine {
            desk.done.store(number, Ordering::Relaxed);
        }
        is_mine
    }

    /// Until every part is done.
    fn wait(&self, parts: usize, number: u64) {
        let desks = &self.desks[..parts - 1];
        let done = || {
            let is_done = |desk: &Line<Desk>| desk.0.done.load(Ordering::SeqCst) == number;
            desks.iter().all(is_done).then_some(())
        };
        if look(done).is_some() {
            return;
        }
        *lock(&self.caller) = Some(thread::current());
        self.caller_sleeps.store(true, Ordering::SeqCst);
        while done().is_none() {
            thread::park();
        }
        self.caller_sleeps.store(false, Ordering::Relaxed);
    }

    /// A member's life.
    fn serve(&self, desk: usize) {
        let mut last = 0;
        while let Some(phase) = self.next(desk, last) {
            last = phase;
            let (number, parts) = (phase >> PARTS_BITS, phase & ((1 << PARTS_BITS) - 1));
            let part = desk + 1;
            if part as u64 >= parts || !self.desks[desk].0.claim(number) {
                continue;
            }
            // SAFETY: this part is claimed and not done, so the phase's caller has not returned:
            // what it points to is alive and is not written.
            let work = unsafe { &**self.work.get() };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(part))) {
                // Whose own end could panic, before the part counts as done.
                std::mem::forget(panic);
                self.panicked.store(true, Ordering::Relaxed);
            }
            self.desks[desk].0.done.store(number, Ordering::SeqCst);
            if self.caller_sleeps.load(Ordering::SeqCst)
                && let Some(caller) = &*lock(&self.caller)
            {
                caller.unpark();
            }
        }
    }

    /// The phase after `last`, or None when the team ends.
    fn next(&self, desk: usize, last: u64) -> Option<u64> {
        let new = || {
            let phase = self.phase.0.load(Ordering::SeqCst);
            let closed = self.closed.load(Ordering::SeqCst);
            (closed || phase != last).then_some((!closed).then_some(phase))
        };
        if let Some(phase) = look(new) {
            return phase;
        }
        let sleeps = &self.desks[desk].0.sleeps;
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

impl Desk {
    /// Whether this part of the phase was free.
    fn claim(&self, number: u64) -> bool {
        let last = self.claimed.load(Ordering::Relaxed);
        let (acquire, relaxed) = (Ordering::AcqRel, Ordering::Relaxed);
        last < number && self.claimed.compare_exchange(last, number, acquire, relaxed).is_ok()
    }
}

/// Looks again and again for a while.
fn look<U>(mut at: impl FnMut() -> Option<U>) -> Option<U> {
    let mut started = None;
    loop {
        for _ in 0..LOOKS_AT_ONCE {
            if let Some(found) = at() {
                return Some(found);
            }
            hint::spin_loop();
        }
        let now = Instant::now();
        if now - *started.get_or_insert(now) > LOOKS {
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

    /// Phases of every number of parts, with pauses after which members sleep.
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
                    thread::sleep(4 * LOOKS);
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

    /// The caller's part ends when the member has begun its own, so that it is the member's.
    fn with_a_member(team: &Team, work: impl Fn() + Sync) {
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
            with_a_member(&team, || {
                thread::sleep(20 * LOOKS);
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(count.into_inner(), 20);
    }

    #[test]
    fn a_panic_of_a_member_reaches_the_caller() {
        let team = Team::new(2);
        let caught = catch_unwind(AssertUnwindSafe(|| with_a_member(&team, || panic!("planted"))));
        assert!(caught.is_err());
        with_a_member(&team, || {});
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
