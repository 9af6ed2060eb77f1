//! Iris-like classification: train, keep the model, use it in an inference pipeline.
//!
//! The flowers are generated: three species about the means of Fisher's
//! petal lengths and widths (doi:10.1111/j.1469-1809.1936.tb02137.x).
//!
//! Run with `cargo run -p footpath-steps --example iris`.
#![allow(
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "an example shows and checks its result"
)]

use std::sync::Arc;

use footpath_steps::{
    BoxError, Context, Estimator, Handle, Inputs, Items, Pipeline, Record, Store, Transformer,
    Version,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Flower {
    petal_length_cm: f64,
    petal_width_cm: f64,
}

impl Record for Flower {
    const TYPE: &'static str = "flower";
    const VERSION: u32 = 1;
}

/// Mean flower of each species; the nearest one decides.
#[derive(Serialize)]
struct NearestCentroid;

#[derive(Serialize, Deserialize)]
struct Centroids(Vec<Flower>);

impl Record for Centroids {
    const TYPE: &'static str = "centroids";
    const VERSION: u32 = 1;
}

impl Estimator for NearestCentroid {
    type Input = (Arc<Vec<Flower>>, Arc<Vec<u32>>);
    type Model = Centroids;
    const NAME: &'static str = "nearest centroid";
    const VERSION: u32 = 1;

    fn fit(&self, (flowers, species): &Self::Input, _: &Context) -> Result<Centroids, BoxError> {
        let of = |wanted: u32| {
            let members: Vec<&Flower> = flowers
                .iter()
                .zip(species.iter())
                .filter(|(_, s)| **s == wanted)
                .map(|(f, _)| f)
                .collect();
            let mean = |value: fn(&Flower) -> f64| {
                members.iter().map(|flower| value(flower)).sum::<f64>() / members.len() as f64
            };
            Flower {
                petal_length_cm: mean(|f| f.petal_length_cm),
                petal_width_cm: mean(|f| f.petal_width_cm),
            }
        };
        Ok(Centroids((0..3).map(of).collect()))
    }
}

impl Transformer for Centroids {
    type Input = Flower;
    type Output = u32;
    const NAME: &'static str = "nearest centroid";
    const VERSION: u32 = 1;

    fn transform(&self, flower: &Flower, _: &Context) -> Result<u32, BoxError> {
        let distance = |centre: &Flower| {
            (centre.petal_length_cm - flower.petal_length_cm)
                .hypot(centre.petal_width_cm - flower.petal_width_cm)
        };
        let nearest = self
            .0
            .iter()
            .enumerate()
            .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        nearest
            .map(|(species, _)| species as u32)
            .ok_or_else(|| "no species were learnt".into())
    }
}

/// 30 flowers, ten of each species, on a small spiral about the species' mean.
fn flowers(phase: f64) -> (Vec<Flower>, Vec<u32>) {
    let means = [(1.46, 0.25), (4.26, 1.33), (5.55, 2.03)];
    let flower = |index: u32| {
        let (length, width) = means[(index % 3) as usize];
        let angle = f64::from(index) + phase;
        let radius = 0.02 * f64::from(index);
        Flower {
            petal_length_cm: length + radius * angle.cos(),
            petal_width_cm: width + 0.3 * radius * angle.sin(),
        }
    };
    (
        (0..30).map(flower).collect(),
        (0..30).map(|index| index % 3).collect(),
    )
}

/// Predicting is the same for training and inference: a function over handles.
fn predict(
    p: &Pipeline,
    model: &Handle<Centroids>,
    flowers: &Handle<Vec<Flower>>,
) -> Handle<Items<u32>> {
    p.apply_each("predict", model, flowers)
}

/// Runs the example.
#[allow(clippy::missing_errors_doc, reason = "it says what went wrong itself")]
pub fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path())?;

    let p = Pipeline::new("iris training");
    let training_flowers = p.input::<Vec<Flower>>("flowers");
    let species = p.input::<Vec<u32>>("species");
    let model = p.fit("centroids", NearestCentroid, (&training_flowers, &species));
    let predicted = predict(&p, &model, &training_flowers);
    let accuracy = p.map(
        "accuracy",
        Version(1),
        (&predicted, &species),
        |(predicted, species)| {
            let right = predicted
                .iter()
                .flatten()
                .zip(species.iter())
                .filter(|(p, s)| **p == **s)
                .count();
            right as f64 / species.len() as f64
        },
    );
    let (known, labels) = flowers(0.0);
    let inputs = Inputs::new()
        .with(&training_flowers, known)
        .with(&species, labels);
    let run = p.run(&accuracy, inputs, &store)?;
    println!(
        "accuracy {:.2}\n{}",
        run.output,
        p.diagram()?.with_report(&run.report).mermaid()
    );
    assert!(*run.output > 0.9);

    let q = Pipeline::new("iris inference");
    let model = q.input::<Centroids>("model");
    let new_flowers = q.input::<Vec<Flower>>("flowers");
    let predicted = predict(&q, &model, &new_flowers);
    let inputs = Inputs::new()
        .with_kept(&model, store.latest("iris training", "centroids")?)
        .with(&new_flowers, flowers(1.0).0);
    let run = q.run(&predicted, inputs, &store)?;
    assert_eq!(*run.output.get(0)?, 0);
    Ok(())
}
