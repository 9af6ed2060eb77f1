//! Locks between processes. The system frees them when their owner dies.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::disk::{self, Result, at};
use crate::digest::Digest;
use crate::event::CancelToken;

/// How often a waiting process looks whether the lock is free.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

thread_local! {
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// The right to compute one key, held by one thread of one process.
#[derive(Debug)]
pub(crate) struct KeyLock {
    _file: File,
    /// Counted per thread, so it stays on its thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        HELD.set(HELD.get() - 1);
    }
}

/// Waits for the lock of `key`; calls `waits` once if another process has it.
///
/// `None` when the run was cancelled, or when waiting could end in a circle: a
/// thread that holds a lock and was given other work while it waits for its
/// own items must not wait for a second one. The work is then done twice,
/// which is harmless.
pub(crate) fn lock_key(
    root: &Path,
    key: &Digest,
    cancel: &CancelToken,
    waits: impl FnOnce(),
) -> Result<Option<KeyLock>> {
    let path = root.join("locks").join(key.to_string());
    let file = open(&path)?;
    let mut waits = Some(waits);
    loop {
        match file.try_lock() {
            Ok(()) => {
                HELD.set(HELD.get() + 1);
                return Ok(Some(KeyLock {
                    _file: file,
                    _not_send: std::marker::PhantomData,
                }));
            }
            Err(TryLockError::WouldBlock) if HELD.get() > 0 || cancel.is_cancelled() => {
                return Ok(None);
            }
            Err(TryLockError::WouldBlock) => {
                if let Some(waits) = waits.take() {
                    waits();
                }
                std::thread::sleep(LOOK_AGAIN_AFTER);
            }
            Err(TryLockError::Error(error)) => return Err(at("lock", &path)(error)),
        }
    }
}

/// Waits for a lock held for moments only.
pub(crate) fn lock_file(path: &Path) -> Result<File> {
    let file = open(path)?;
    file.lock().map_err(at("lock", path))?;
    Ok(file)
}

/// Takes part in the use of the store; waits while its garbage is collected.
pub(crate) fn lock_shared(path: &Path) -> Result<File> {
    let file = match (open(path), File::open(path)) {
        // A store that may only be read can be looked into.
        (Err(_), Ok(file)) => file,
        (file, _) => file?,
    };
    file.lock_shared().map_err(at("lock", path))?;
    Ok(file)
}

/// Takes the store for oneself, if nobody uses it.
pub(crate) fn try_lock_alone(path: &Path) -> Result<Option<File>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(at("lock", path)(error)),
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        disk::create_folder(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(at("open", path))
}
