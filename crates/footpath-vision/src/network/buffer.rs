//! A tensor the forward pass replaces: the running statistics of batch norm.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    Param, ParamId,
};
use burn::tensor::{Device, Tensor};

/// A tensor of the state dict that is not trained but replaced by the forward pass.
///
/// Unlike Burn's `RunningState` a clone is independent, and what is visited is always the value
/// last set: Burn's lags one update behind, so a checkpoint would miss the last batch.
#[derive(Debug)]
pub struct Buffer {
    id: ParamId,
    value: Mutex<Tensor<1>>,
}

impl Buffer {
    /// A buffer holding `value`.
    #[must_use]
    pub fn new(value: Tensor<1>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    /// The value last set.
    #[must_use]
    pub fn get(&self) -> Tensor<1> {
        self.lock().clone()
    }

    /// Replaces the value.
    pub fn set(&self, value: Tensor<1>) {
        *self.lock() = value;
    }

    fn with_id(id: ParamId, value: Tensor<1>) -> Self {
        Self {
            id,
            value: Mutex::new(value),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tensor<1>> {
        // A tensor is replaced whole, so a panic elsewhere cannot have left half of one.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_value(self) -> Tensor<1> {
        self.value
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::with_id(self.id, self.get())
    }
}

impl Module for Buffer {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.get()));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let id = self.id;
        let mapped = mapper.map_float(Param::initialized(id, self.into_value()));
        Self::with_id(id, mapped.into_value().set_require_grad(false))
    }

    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.lock().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn to_device(self, device: &Device) -> Self {
        Self::with_id(self.id, self.into_value().to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    // The statistics never take part in a graph: they stay plain in either state.
    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }

    fn materialize(self) -> Self {
        self
    }
}

impl ModuleDisplayDefault for Buffer {
    fn content(&self, content: Content) -> Option<Content> {
        let shape = format!("Buffer {:?}", self.lock().dims());
        content.add_formatted(&shape).optional()
    }
}

impl ModuleDisplay for Buffer {}
