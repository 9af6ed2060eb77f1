//! One caller's use of the store: every call passes here, so every call is permitted, and
//! every change is told.

use std::sync::Arc;

use footpath_track::{Experiment, ExperimentId, RunId, RunInfo, Store};

use crate::app::App;
use crate::auth::{Caller, Role};
use crate::events::Change;
use crate::failure::Failure;

/// A caller before the store. Its methods block.
pub(crate) struct Session {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Arc<Caller>,
}

impl Session {
    /// The store, for what needs no permission or has it already.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.app.store
    }

    /// That the caller has a role in a project.
    pub(crate) fn permit(&self, role: Role, project: &str) -> Result<(), Failure> {
        if self.caller.may(role, project) {
            return Ok(());
        }
        let need = role.name();
        Err(Failure::forbidden(format!(
            "user `{}` is not {need} in project `{project}`",
            self.caller.user
        )))
    }

    /// That the caller may do everything everywhere.
    pub(crate) fn permit_everything(&self) -> Result<(), Failure> {
        if self.caller.everything {
            return Ok(());
        }
        Err(Failure::forbidden(format!(
            "user `{}` is no administrator of this server",
            self.caller.user
        )))
    }

    /// An experiment in which the caller has a role.
    pub(crate) fn experiment(&self, id: ExperimentId, role: Role) -> Result<Experiment, Failure> {
        let experiment = self.store().experiment(id)?;
        self.permit(role, &experiment.project)?;
        Ok(experiment)
    }

    /// A run in which the caller has a role, and its experiment.
    pub(crate) fn run(&self, id: &RunId, role: Role) -> Result<(RunInfo, Experiment), Failure> {
        let info = self.store().run_info(id)?;
        let experiment = self.experiment(info.experiment, role)?;
        Ok((info, experiment))
    }

    /// That the caller has a role in a run's project. Reads nothing for those who may do all.
    pub(crate) fn permit_run(&self, id: &RunId, role: Role) -> Result<(), Failure> {
        if self.caller.everything {
            Ok(())
        } else {
            self.run(id, role).map(drop)
        }
    }

    /// Those of some experiments that exist and that the caller may read.
    pub(crate) fn readable(
        &self,
        experiments: Vec<ExperimentId>,
    ) -> Result<Vec<ExperimentId>, Failure> {
        if self.caller.everything {
            return Ok(experiments);
        }
        let mut readable = Vec::with_capacity(experiments.len());
        for id in experiments {
            match self.store().experiment(id) {
                Ok(experiment) if self.caller.may(Role::Viewer, &experiment.project) => {
                    readable.push(id);
                }
                Ok(_) | Err(footpath_track::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(readable)
    }

    /// Tells those who watch that a run changed.
    pub(crate) fn run_changed(&self, run: &RunId) {
        self.app.events.tell(Change::Run(run.clone()));
    }

    /// Tells those who watch that an experiment changed.
    pub(crate) fn experiment_changed(&self, experiment: ExperimentId) {
        self.app.events.tell(Change::Experiment(experiment));
    }
}
