//! What an address of the artifact proxy means: whose artifact, and where below its owner.

use footpath_track::{Artifact, ArtifactPath, ExperimentId, Owner};

use super::runs::parse_run_id;
use super::wire::artifact_location;
use crate::auth::Role;
use crate::failure::Failure;
use crate::session::Session;

/// A place in the artifacts of a run or a logged model; the path is empty for their root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: Owner,
    pub(crate) path: String,
}

/// Reads `<experiment's root>/<run>/artifacts/<path>` or `<experiment's root>/models/<model>/artifacts/<path>`,
/// and checks that the owner exists, lies there, and that the caller has a role in its project.
pub(crate) fn place(session: &Session, address: &str, role: Role) -> Result<Place, Failure> {
    let address = ArtifactPath::from_url(address.trim_end_matches('/'))?;
    let names: Vec<&str> = address.as_str().split('/').collect();
    let at = names.iter().position(|name| *name == "artifacts").filter(|at| *at >= 2).ok_or_else(|| {
        Failure::invalid(format!(
            "Invalid artifact path `{address}`: it must begin with an experiment, then a run or `models` and a model, \
             then `artifacts`"
        ))
    })?;
    let path = names[at + 1..].join("/");
    let is_model = names[at - 2] == "models" && at >= 3;
    let (owner, experiment, root) = if is_model {
        let model = session.store().logged_model(names[at - 1])?;
        (Owner::Model(model.id), model.experiment, &names[..at - 2])
    } else {
        let info = session.store().run_info(&parse_run_id(names[at - 1])?)?;
        (Owner::Run(info.id), info.experiment, &names[..at - 1])
    };
    check_root(session, experiment, root, role, address.as_str())?;
    Ok(Place { owner, path })
}

fn check_root(
    session: &Session,
    id: ExperimentId,
    root: &[&str],
    role: Role,
    address: &str,
) -> Result<(), Failure> {
    let experiment = session.experiment(id, role)?;
    let location = artifact_location(&experiment);
    let expected = location
        .split_once(':')
        .map_or(location.as_str(), |(_, rest)| rest)
        .trim_matches('/');
    if root.join("/") == expected {
        return Ok(());
    }
    Err(Failure::absent(format!(
        "there is no artifact `{address}`: its owner's artifacts are below `{expected}`"
    )))
}

/// The file at a place.
pub(crate) fn file(session: &Session, place: &Place) -> Result<Artifact, Failure> {
    if place.path.is_empty() {
        return Err(Failure::absent(format!(
            "`{}` has files, but is none",
            place.owner
        )));
    }
    Ok(session.store().artifact(&place.owner, &place.path)?)
}
