//! Ctrl-C and SIGTERM: the first asks the work to stop where nothing is lost, the second ends
//! the process at once.

use footpath_steps::CancelToken;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// A token that the first Ctrl-C or SIGTERM cancels. Call once.
pub(crate) fn cancel_on_signals() -> CancelToken {
    let token = CancelToken::new();
    let cancelled = token.clone();
    let handler = move || {
        if ASKED.swap(true, Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the second Ctrl-C means now")]
            std::process::exit(i32::from(super::output::INTERRUPTED));
        }
        cancelled.cancel();
        eprint_line("\nstopping: what is finished will be kept (Ctrl-C again to stop at once)");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!("Ctrl-C will end the process without a clean stop: {error}");
    }
    token
}

/// True once a signal asked the process to stop.
pub(crate) fn was_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

fn eprint_line(text: &str) {
    use std::io::Write;
    // Nothing can be done where even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}
