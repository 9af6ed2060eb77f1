//! What changes, told as it happens by server-sent events.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use footpath_track::{ExperimentId, RunId};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::answer::Call;
use crate::auth::Role;
use crate::events::Change;
use crate::failure::Failure;
use crate::session::Session;

/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(250);

/// What changed since the last event.
#[derive(Default, Serialize)]
struct Changes {
    /// Runs by the experiment they belong to.
    runs: BTreeMap<ExperimentId, BTreeSet<RunId>>,
    experiments: BTreeSet<ExperimentId>,
    /// Whether more changed than could be kept: read all anew.
    everything: bool,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.experiments.is_empty() && !self.everything
    }
}

/// A stream of `changes` events, each one JSON object.
pub(crate) async fn events(call: Call) -> Result<impl IntoResponse, Failure> {
    let watch = call
        .app
        .events
        .watch()
        .ok_or_else(|| Failure::too_many("the server is ending"))?;
    let stream = futures_util::stream::unfold((call, watch), async |(call, mut watch)| {
        loop {
            let seen = gather(&mut watch).await?;
            let told = call.run(move |session| tell(session, seen)).await;
            match told {
                Ok(changes) if changes.is_empty() => {}
                Ok(changes) => {
                    let event = Event::default().event("changes").json_data(&changes).ok()?;
                    return Some((Ok::<_, Infallible>(event), (call, watch)));
                }
                Err(failure) => {
                    tracing::warn!(%failure.message, "changes could not be told");
                    return None;
                }
            }
        }
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// What was seen to change; `None` stands for more than could be kept.
type Seen = Option<BTreeSet<Change>>;

/// Waits for a change, and for those soon after; `None` once the server ends.
async fn gather(watch: &mut Receiver<Change>) -> Option<Seen> {
    let mut seen = match watch.recv().await {
        Ok(change) => Some(BTreeSet::from([change])),
        Err(RecvError::Lagged(_)) => None,
        Err(RecvError::Closed) => return None,
    };
    let until = tokio::time::Instant::now() + TOGETHER;
    while let Ok(next) = tokio::time::timeout_at(until, watch.recv()).await {
        match (next, &mut seen) {
            (Ok(change), Some(seen)) => drop(seen.insert(change)),
            (Err(RecvError::Lagged(_)), _) => seen = None,
            (Err(RecvError::Closed), _) => break,
            (Ok(_), None) => {}
        }
    }
    Some(seen)
}

/// Those changes that the caller may see.
fn tell(session: &Session, seen: Seen) -> Result<Changes, Failure> {
    let Some(seen) = seen else {
        return Ok(Changes {
            everything: true,
            ..Changes::default()
        });
    };
    let mut changes = Changes::default();
    for change in seen {
        match change {
            Change::Experiment(id) if session.caller.everything => {
                changes.experiments.insert(id);
            }
            Change::Experiment(id) => {
                // One deleted for good belongs to no project any more.
                if session.experiment(id, Role::Viewer).is_ok() {
                    changes.experiments.insert(id);
                }
            }
            Change::Run(run) => match session.run(&run, Role::Viewer) {
                Ok((info, _)) => drop(changes.runs.entry(info.experiment).or_default().insert(run)),
                Err(failure) if failure.status == 403 => {}
                // Deleted for good: who shows it must look again.
                Err(failure) if failure.status == 404 => changes.everything = true,
                Err(failure) => return Err(failure),
            },
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::broadcast;

    #[tokio::test(start_paused = true)]
    async fn changes_come_together_and_once() {
        let (tell, mut watch) = broadcast::channel(8);
        let run = Change::Run("a".parse().unwrap());
        for _ in 0..3 {
            tell.send(run.clone()).unwrap();
        }
        assert_eq!(
            gather(&mut watch).await.unwrap(),
            Some(BTreeSet::from([run.clone()]))
        );
        for _ in 0..20 {
            tell.send(run.clone()).unwrap();
        }
        assert_eq!(gather(&mut watch).await.unwrap(), None, "it fell behind");
        drop(tell);
        assert!(gather(&mut watch).await.is_none());
    }
}
