//! The traits a user implements: what a step does.

use crate::context::Context;
use crate::error::BoxError;

/// A pure function from an input to an output, with a name and a version.
///
/// As the work of a [step](crate::Pipeline::step) it must also be
/// `serde::Serialize`: its fields are its parameters and enter the step's key.
/// Fields that do not change the output (a device, a thread count) are left
/// out with `#[serde(skip)]`. A *model* fitted by an [`Estimator`] is a
/// transformer too; its key is the key of the fit, so it needs no `Serialize`.
///
/// `Input` is `T` for a step fed by a `Handle<T>`, `(Arc<A>, Arc<B>)` for one
/// fed by two handles, `Vec<Arc<T>>` for a list of handles, and so on.
///
/// ```
/// use footpath_steps::{BoxError, Context, Transformer};
///
/// #[derive(serde::Serialize)]
/// struct Threshold { at: f64 }
///
/// impl Transformer for Threshold {
///     type Input = Vec<f64>;
///     type Output = Vec<bool>;
///     const NAME: &'static str = "threshold";
///     const VERSION: u32 = 1;
///
///     fn transform(&self, values: &Vec<f64>, _: &Context) -> Result<Vec<bool>, BoxError> {
///         Ok(values.iter().map(|value| *value >= self.at).collect())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transformer, so it cannot be the work of a step",
    label = "this needs `impl Transformer for {Self}`",
    note = "an estimator goes to `Pipeline::fit`, a closure to `Pipeline::map`"
)]
pub trait Transformer: Send + Sync + 'static {
    /// What it takes.
    type Input: Send + Sync + 'static;
    /// What it gives.
    type Output: Send + Sync + 'static;
    /// Its name in keys and diagrams; explicit, so that renaming the Rust type changes nothing.
    const NAME: &'static str;
    /// The version of its code: raise it when the same input would give another output.
    const VERSION: u32;

    /// The output for `input`: the same for the same input and parameters.
    ///
    /// # Errors
    /// Whatever keeps it from giving an output; the run reports it with the step's name.
    fn transform(&self, input: &Self::Input, context: &Context) -> Result<Self::Output, BoxError>;
}

/// Learns a model from data.
///
/// The model is another type: one that has not been fitted does not exist and
/// so cannot be used. When the model is a [`Transformer`] it goes to
/// [`Pipeline::apply`](crate::Pipeline::apply), in any number of steps.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an estimator, so it cannot be fitted",
    label = "this needs `impl Estimator for {Self}`",
    note = "a transformer goes to `Pipeline::step` or `Pipeline::each`"
)]
pub trait Estimator: Send + Sync + 'static {
    /// The data it learns from.
    type Input: Send + Sync + 'static;
    /// What it learns.
    type Model: Send + Sync + 'static;
    /// Its name in keys and diagrams.
    const NAME: &'static str;
    /// The version of its code: raise it when the same data would give another model.
    const VERSION: u32;

    /// The model learnt from `input`.
    ///
    /// A fit that takes long asks [`Context::check`] now and then, tells
    /// [`Context::progress`], and writes checkpoints to [`Context::scratch`],
    /// where it also looks for those of a killed predecessor.
    ///
    /// # Errors
    /// Whatever keeps it from learning.
    fn fit(&self, input: &Self::Input, context: &Context) -> Result<Self::Model, BoxError>;
}

/// The version of a closure's code, given where the closure is.
///
/// Raise it when the closure would give another output for the same input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub u32);
