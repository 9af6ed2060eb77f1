//! Runs by what people call them.

use super::{Access, Search, all_pages};
use crate::error::Error;
use crate::model::{Run, RunId, View};

/// The fewest characters of an id that stand for it.
const LEAST_PART: usize = 4;

/// The run that a text names: its id, the beginning or the end of its id (at least 4 characters),
/// or its name. A deleted run is found as well.
///
/// # Errors
/// [`Error::Invalid`] if there is none, or more than one.
pub fn find_run(access: &dyn Access, text: &str) -> Result<Run, Error> {
    let what = || format!("run `{}`", text.escape_debug());
    if let Ok(id) = text.parse::<RunId>() {
        match access.run(&id) {
            Err(Error::NotFound { .. }) => {}
            found => return found,
        }
    }
    let quoted = text.replace('\'', "''");
    let mut ways = vec![format!("run_name = '{quoted}'")];
    if text.len() >= LEAST_PART && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        ways.push(format!("run_id LIKE '{text}%'"));
        ways.push(format!("run_id LIKE '%{text}'"));
    }
    let search = Search {
        filter: ways.join(" OR "),
        view: View::All,
        limit: 4,
        ..Search::default()
    };
    let mut found = access.search(&search)?.items;
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|run| run.info.id.as_str()).collect();
        let why = format!("it may be any of {}: give an id", ids.join(", "));
        return Err(Error::invalid(what(), why));
    }
    found.pop().ok_or_else(|| {
        let why = "there is none of this id or name, nor one whose id begins or ends so";
        Error::invalid(what(), why)
    })
}

/// The search of all runs of a project, or of `project/experiment`; of everything without a text.
///
/// # Errors
/// [`Error::Invalid`] if there is no such project or experiment, with those that there are.
pub fn find_scope(access: &dyn Access, text: Option<&str>) -> Result<Search, Error> {
    let Some(text) = text else {
        return Ok(Search::default());
    };
    let projects: Vec<String> = access
        .projects()?
        .into_iter()
        .map(|project| project.name)
        .collect();
    if projects.iter().any(|project| project == text) {
        return Ok(Search {
            project: Some(text.to_owned()),
            ..Search::default()
        });
    }
    let known = |names: &[String]| {
        if names.is_empty() {
            "there are none yet".to_owned()
        } else {
            format!("none has this name; there are {}", names.join(", "))
        }
    };
    // Both names may hold a slash.
    for (at, _) in text.match_indices('/') {
        let (project, name) = (&text[..at], &text[at + 1..]);
        if !projects.iter().any(|known| known == project) {
            continue;
        }
        let experiments = access.experiments(Some(project), View::Active)?;
        if let Some(found) = experiments.iter().find(|found| found.name == name) {
            return Ok(Search {
                experiments: vec![found.id],
                ..Search::default()
            });
        }
        let names: Vec<String> = experiments.into_iter().map(|found| found.name).collect();
        let what = format!(
            "experiment `{}` of project `{project}`",
            name.escape_debug()
        );
        return Err(Error::invalid(what, known(&names)));
    }
    let what = format!("project `{}`", text.escape_debug());
    Err(Error::invalid(what, known(&projects)))
}

/// Every run that a search finds, page after page.
///
/// # Errors
/// As [`Access::search`].
pub fn every_run(access: &dyn Access, search: &Search) -> Result<Vec<Run>, Error> {
    all_pages(|page_token| {
        access.search(&Search {
            page_token,
            limit: 1000,
            ..search.clone()
        })
    })
}
