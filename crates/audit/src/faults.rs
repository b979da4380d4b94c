//! A disk that fails when a test says so: the system gives no other way to make `fdatasync` fail.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A synchronisation.
    Sync,
    /// Cutting a file.
    Cut,
}

thread_local! {
    static NEXT: RefCell<VecDeque<Option<Fault>>> = const { RefCell::new(VecDeque::new()) };
}

/// What fails next on this thread, after `working` synchronisations: one thing after the other, and
/// another thing in between works.
pub(crate) fn expect(working: usize, faults: &[Fault]) {
    NEXT.with_borrow_mut(|next| {
        next.extend(std::iter::repeat_n(None, working));
        next.extend(faults.iter().copied().map(Some));
    });
}

/// Whether everything that was to fail has failed.
pub(crate) fn are_over() -> bool {
    NEXT.with_borrow(VecDeque::is_empty)
}

/// Fails, if this is what is to fail next.
pub(crate) fn strike(fault: Fault) -> io::Result<()> {
    NEXT.with_borrow_mut(|next| match next.front() {
        Some(None) if fault == Fault::Sync => {
            next.pop_front();
            Ok(())
        }
        Some(Some(first)) if *first == fault => {
            next.pop_front();
            Err(io::Error::other(format!("{fault:?} fails, as was said")))
        }
        _ => Ok(()),
    })
}
