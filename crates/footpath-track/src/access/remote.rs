//! A server.

use std::fmt::Write as _;
use std::io::{Read, Write};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;

use super::{Access, Search, all_pages};
use crate::client::{Destination, Http, HttpDestination, Refused};
use crate::error::{Error, Kind};
use crate::model::{
    Artifact, Digest, Entry, Experiment, ExperimentId, Freed, ImageRecord, Lifecycle, MediaSeries,
    Point, Points, Project, Run, RunId, StepRecord, TextRecord, View,
};
use crate::search::Page;
use crate::series::PointRange;

/// The runs of a server, through its native API.
pub struct RemoteAccess(HttpDestination);

#[derive(Deserialize)]
struct Experiments {
    experiments: Vec<Experiment>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct PointPage {
    points: Points,
}

impl RemoteAccess {
    /// The server at an address such as `http://127.0.0.1:5000`.
    #[must_use]
    pub fn new(url: &str, token: Option<String>) -> Self {
        Self(HttpDestination::new(url, token))
    }

    fn http(&self) -> &Http {
        &self.0.0
    }

    /// What was asked for; a 404 says that there is no such thing.
    fn known<T>(
        &self,
        answer: Result<T, Refused>,
        kind: Kind,
        id: impl std::fmt::Display,
    ) -> Result<T, Error> {
        match answer {
            Err(Refused { status: 404, .. }) => Err(Error::not_found(kind, id)),
            other => self.http().or_refused(other),
        }
    }

    /// A list that stands under a name in an answer about a run.
    fn of_run<T: DeserializeOwned>(
        &self,
        run: &RunId,
        path: &str,
        name: &str,
    ) -> Result<Page<T>, Error> {
        let answer = self.http().get(&format!("/api/v1/runs/{run}/{path}"))?;
        let mut answer: serde_json::Map<_, _> = self.known(answer, Kind::Run, run)?;
        let items = answer.remove(name).unwrap_or_default();
        let next = answer.remove("next").unwrap_or_default();
        let read = |error: serde_json::Error| Error::database(error);
        Ok(Page {
            items: serde_json::from_value(items).map_err(read)?,
            next: serde_json::from_value(next).map_err(read)?,
        })
    }

    fn records<T: DeserializeOwned>(
        &self,
        run: &RunId,
        name: &str,
        key: &str,
    ) -> Result<Vec<T>, Error> {
        let key = percent(key);
        all_pages(|token| {
            let token = token.map_or_else(String::new, |token| {
                format!("&page_token={}", percent(&token))
            });
            self.of_run(run, &format!("{name}?key={key}&limit=100{token}"), name)
        })
    }
}

/// A text as it may stand in a query.
fn percent(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

impl Access for RemoteAccess {
    fn projects(&self) -> Result<Vec<Project>, Error> {
        #[derive(Deserialize)]
        struct Projects {
            projects: Vec<Project>,
        }
        let answer = self.http().get::<Projects>("/api/v1/projects")?;
        Ok(self.http().or_refused(answer)?.projects)
    }

    fn experiments(&self, project: Option<&str>, view: View) -> Result<Vec<Experiment>, Error> {
        let view = match view {
            View::Active => "active",
            View::Deleted => "deleted",
            View::All => "all",
        };
        all_pages(|token| {
            let mut path = format!("/api/v1/experiments?limit=1000&view={view}");
            for (name, value) in [("project", project), ("page_token", token.as_deref())] {
                if let Some(value) = value {
                    path = format!("{path}&{name}={}", percent(value));
                }
            }
            let answer = self.http().get::<Experiments>(&path)?;
            let Experiments { experiments, next } = self.http().or_refused(answer)?;
            Ok(Page {
                items: experiments,
                next,
            })
        })
    }

    fn search(&self, search: &Search) -> Result<Page<Run>, Error> {
        let mut experiments = search.experiments.clone();
        if search.project.is_none() && experiments.is_empty() {
            let found = self.experiments(None, View::Active)?;
            experiments.extend(found.iter().map(|experiment| experiment.id));
        }
        self.http().post_exact(
            "/api/v1/runs/search",
            &json!({
                "project": search.project,
                "experiments": experiments,
                "filter": search.filter,
                "order": search.order,
                "view": search.view,
                "limit": search.limit.clamp(1, 10_000),
                "page_token": search.page_token,
            }),
        )
    }

    fn run(&self, id: &RunId) -> Result<Run, Error> {
        let answer = self.http().get_exact(&format!("/api/v1/runs/{id}"))?;
        self.known(answer, Kind::Run, id)
    }

    fn experiment(&self, id: ExperimentId) -> Result<Experiment, Error> {
        let answer = self.http().get(&format!("/api/v1/experiments/{id}"))?;
        self.known(answer, Kind::Experiment, id)
    }

    fn points(&self, run: &RunId, key: &str, range: &PointRange) -> Result<Vec<Point>, Error> {
        let mut path = format!(
            "/api/v1/runs/{run}/points?key={}&limit={}&from_step={}&to_step={}",
            percent(key),
            range.limit.clamp(1, 100_000),
            range.from_step,
            range.to_step
        );
        if let Some(after) = range.after {
            path.push_str("&page_token=");
            for byte in after.to_bytes() {
                // Writing to a text does not fail.
                let _ = write!(path, "{byte:02x}");
            }
        }
        let answer = self.http().get_exact::<PointPage>(&path)?;
        Ok(self.known(answer, Kind::Run, run)?.points.0)
    }

    fn media(&self, run: &RunId) -> Result<Vec<MediaSeries>, Error> {
        Ok(self.of_run(run, "media", "series")?.items)
    }

    fn texts(&self, run: &RunId, key: &str) -> Result<Vec<TextRecord>, Error> {
        self.records(run, "texts", key)
    }

    fn images(&self, run: &RunId, key: &str) -> Result<Vec<ImageRecord>, Error> {
        self.records(run, "images", key)
    }

    fn steps(&self, run: &RunId) -> Result<Vec<StepRecord>, Error> {
        Ok(self.of_run(run, "steps", "steps")?.items)
    }

    fn files(&self, run: &RunId) -> Result<Vec<Artifact>, Error> {
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = format!("artifacts?path={}", percent(&folder));
            for entry in self.of_run::<Entry>(run, &path, "entries")?.items {
                match entry {
                    Entry::Folder(path) => folders.push(path),
                    Entry::File(file) => files.push(file),
                }
            }
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(files)
    }

    fn copy_blob(&self, digest: Digest, into: &mut dyn Write) -> Result<u64, Error> {
        let answer = self.http().bytes(&format!("/api/v1/blobs/{digest}"))?;
        let mut content = self.known(answer, Kind::Blob, digest)?;
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
        let mut piece = vec![0; 1 << 16];
        loop {
            let count = content
                .read(&mut piece)
                .map_err(Error::file("a content that a server sends"))?;
            if count == 0 {
                break;
            }
            hasher.update(&piece[..count]);
            size += count as u64;
            into.write_all(&piece[..count])
                .map_err(Error::file("the copy of a content"))?;
        }
        if Digest::from(hasher.finalize()) != digest {
            return Err(Error::Damaged {
                place: format!("blob {digest}"),
                detail: "its digest is wrong".into(),
            });
        }
        Ok(size)
    }

    fn set_lifecycle(&self, run: &RunId, lifecycle: Lifecycle) -> Result<(), Error> {
        let body = json!({ "lifecycle": lifecycle });
        let path = format!("/api/v1/runs/{run}");
        let answer = self
            .http()
            .tell::<IgnoredAny>("PATCH", &path, Some(&body))?;
        self.known(answer, Kind::Run, run).map(drop)
    }

    fn purge(&self, run: &RunId) -> Result<Freed, Error> {
        let path = format!("/api/v1/runs/{run}");
        let answer = self.http().tell("DELETE", &path, None::<&()>)?;
        self.known(answer, Kind::Run, run)
    }

    fn purge_experiment(&self, id: ExperimentId) -> Result<Freed, Error> {
        let path = format!("/api/v1/experiments/{id}");
        let answer = self.http().tell("DELETE", &path, None::<&()>)?;
        self.known(answer, Kind::Experiment, id)
    }

    fn collect(&self) -> Result<Freed, Error> {
        let answer = self.http().tell("POST", "/api/v1/collect", None::<&()>)?;
        self.http().or_refused(answer)
    }

    fn destination(&self) -> &dyn Destination {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_stands_in_a_query() {
        assert_eq!(percent("valid/ap é&=+"), "valid%2Fap%20%C3%A9%26%3D%2B");
        assert_eq!(percent("a-b_c.d~9"), "a-b_c.d~9");
    }
}
