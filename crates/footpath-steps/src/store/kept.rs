//! Kept outputs for other pipelines and programs.

use std::sync::Arc;

use super::{Disk, Output, Store};
use crate::artifact::Artifact;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::explain::Plan;

/// A kept output with its content digest: ready to be another pipeline's input.
#[derive(Debug)]
pub struct Kept<T> {
    /// The value.
    pub value: Arc<T>,
    /// The digest of its bytes.
    pub digest: Digest,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            digest: self.digest,
        }
    }
}

impl Store {
    /// The newest kept output of a step, such as the model an inference pipeline uses.
    ///
    /// # Errors
    /// When nothing is kept, it is of another type, or its bytes are damaged.
    pub fn latest<T: Artifact>(&self, pipeline: &str, step: &str) -> Result<Kept<T>, StoreError> {
        let newest = |disk: &Disk| {
            let latest = disk.latest(pipeline)?;
            Ok(latest.steps.get(step).and_then(|step| step.finished))
        };
        self.read_kept(pipeline, step, newest)
    }

    /// The kept output of a planned step: of the very inputs and settings that were planned with,
    /// whichever pipeline computed it.
    ///
    /// # Errors
    /// When nothing is kept, it is of another type, or its bytes are damaged.
    pub fn planned<T: Artifact>(&self, plan: &Plan, step: &str) -> Result<Kept<T>, StoreError> {
        let planned = |_: &Disk| Ok(plan.step(step).map(|step| step.key));
        self.read_kept(&plan.pipeline, step, planned)
    }

    fn read_kept<T: Artifact>(
        &self,
        pipeline: &str,
        step: &str,
        key: impl FnOnce(&Disk) -> Result<Option<Digest>, StoreError>,
    ) -> Result<Kept<T>, StoreError> {
        let nothing = || StoreError::NothingKept {
            pipeline: pipeline.to_owned(),
            step: step.to_owned(),
        };
        let disk = self.disk().ok_or_else(nothing)?;
        let _in_use = disk.start_use()?;
        let key = key(disk)?.ok_or_else(nothing)?;
        let manifest = disk.manifest(&key)?.ok_or_else(nothing)?;
        let wrong = |found: &str| StoreError::WrongArtifact {
            step: step.to_owned(),
            expected: T::type_tag().into_owned(),
            found: found.to_owned(),
        };
        let Output::Value { object, type_tag } = &manifest.output else {
            return Err(wrong(&format!("items of {}", manifest.output.type_tag())));
        };
        if *type_tag != T::type_tag() {
            return Err(wrong(type_tag));
        }
        let value = T::decode(disk.objects.read(object)?).map_err(|cause| StoreError::Codec {
            action: "decode",
            type_tag: type_tag.clone(),
            cause,
        })?;
        Ok(Kept {
            value: Arc::new(value),
            digest: object.digest,
        })
    }
}
