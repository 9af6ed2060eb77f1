//! Group commit: one thread writes for all, and those who wait share a commit.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

use super::connection::Connection;
use crate::error::Error;
use crate::sql::engine::Sql;

/// Told whether the commit succeeded, answers whoever asked for the work.
type Answer = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// Does the work within the transaction, if there is one.
type Work = Box<dyn FnOnce(Result<&mut Connection, &str>) -> Answer + Send>;

/// What the thread is asked to do.
enum Job {
    /// In a transaction, perhaps with others.
    Shared(Work),
    /// Outside of any.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
}

pub(super) struct Writer {
    work: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, group_limit: usize) -> Self {
        let (work, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("track-writer".into())
            .spawn(move || write_all(connection, &queue, group_limit.max(1)))
            .ok();
        Self {
            work: Some(work),
            thread,
        }
    }

    /// Runs work in a transaction, perhaps with that of others; returns when it is on disk.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = sync_channel(1);
        let work: Work = Box::new(move |connection| {
            let done = match connection {
                Ok(connection) => connection.nested(work),
                Err(cause) => Err(Error::database(cause.to_owned())),
            };
            Box::new(move |committed| {
                let told = match (done, committed) {
                    (Ok(_), Err(cause)) => Err(Error::database(cause.to_owned())),
                    (done, _) => done,
                };
                // Whoever asked may be gone; the work is done all the same.
                let _ = answer.send(told);
            })
        });
        let queue = self.work.as_ref().ok_or(Error::Closed)?;
        queue
            .send(Job::Shared(work))
            .map_err(|_cause| Error::Closed)?;
        result
            .recv()
            .map_err(|_cause: std::sync::mpsc::RecvError| Error::Closed)?
    }

    /// Runs work outside of any transaction, once what was asked before is on disk.
    pub(super) fn run_alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = sync_channel(1);
        let job = Job::Alone(Box::new(move |connection| {
            // Whoever asked may be gone; the work is done all the same.
            let _ = answer.send(work(connection));
        }));
        let queue = self.work.as_ref().ok_or(Error::Closed)?;
        queue.send(job).map_err(|_cause| Error::Closed)?;
        result
            .recv()
            .map_err(|_cause: std::sync::mpsc::RecvError| Error::Closed)?
    }
}

impl Drop for Writer {
    /// Ends the thread once all that was asked is done.
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told when it happened.
            let _ = thread.join();
        }
    }
}

fn write_all(mut connection: Connection, queue: &Receiver<Job>, group_limit: usize) {
    while let Ok(first) = queue.recv() {
        let mut alone = None;
        let mut group = Vec::new();
        for job in std::iter::once(first).chain(queue.try_iter()) {
            match job {
                Job::Shared(work) => group.push(work),
                Job::Alone(work) => alone = Some(work),
            }
            if alone.is_some() || group.len() == group_limit {
                break;
            }
        }
        if !group.is_empty() {
            write_group(&mut connection, group);
        }
        if let Some(work) = alone {
            work(&mut connection);
        }
    }
}

/// Does the work of a group in one transaction, then answers.
fn write_group(connection: &mut Connection, group: Vec<Work>) {
    let begun = connection.begin().map_err(|error| error.to_string());
    let answers: Vec<Answer> = group
        .into_iter()
        .map(|work| match &begun {
            Ok(()) => work(Ok(&mut *connection)),
            Err(cause) => work(Err(cause)),
        })
        .collect();
    let committed = begun.and_then(|()| connection.commit().map_err(|error| error.to_string()));
    for answer in answers {
        answer(
            committed
                .as_ref()
                .map_or_else(|cause| Err(cause.as_str()), |()| Ok(())),
        );
    }
}
