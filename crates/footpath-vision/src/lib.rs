//! Segmentation networks, losses, augmentation and training on Burn.
//!
//! | task | module |
//! | --- | --- |
//! | build a network, from scratch or from torchvision's weights | [`network`], [`pretrained`] |
//! | describe what to learn from | [`sample`] |
//! | fit, vary and weigh samples, make batches | [`loader`], [`augment`], [`colour`], [`loss`], [`batch`] |
//! | train, stop and go on | [`train`], [`train_config`], [`setting`], [`checkpoint`], [`progress`] |
//! | step by step | [`optimizer`], [`schedule`], [`layer_rates`], [`average`] |
//! | find a learning rate | [`lr_range`] |
//! | write down how it went | [`run_log`], [`line_chart`] |
//! | on several devices or hosts | [`collective`] |
//! | predict | [`predictor`] |
//! | keep a network in a file | [`weights`], [`state_dict`], [`atomic_file`] |
//! | rasters and resizing | [`plane`], [`resample`] |
//!
//! Everything random comes from streams named in [`random`]: a run is a function of its
//! settings, its samples and its seed, for any number of threads and however often it was
//! interrupted (on the CPU; a GPU's atomic sums need not repeat).
//!
//! The caller chooses the [`Device`](burn::tensor::Device): `Device::flex()` is the CPU. The
//! features `cuda`, `rocm`, `vulkan` and `metal` add Burn's devices of these names.
//!
//! # Example
//!
//! Training a small network on one image, and looking at it again:
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use burn::tensor::Device;
//! use footpath_vision::network::{Encoder, UnetConfig};
//! use footpath_vision::plane::{Plane, Size};
//! use footpath_vision::predictor::Predictor;
//! use footpath_vision::sample::Sample;
//! use footpath_vision::train::{BEST, Training, Validation};
//! use footpath_vision::train_config::TrainConfig;
//!
//! let size = Size::new(64, 64);
//! let image = image::RgbImage::from_fn(64, 64, |x, _| image::Rgb([4 * x as u8; 3]));
//! let sample = Sample::new(
//!     "ramp.png",
//!     image.clone(),
//!     Plane::from_fn(size, |_, column| u8::from(column > 40)),
//!     Plane::from_fn(size, |_, _| 0.0),
//!     Plane::from_fn(size, |_, _| 1500.0),
//! )?;
//! let device = Device::flex();
//! let folder = tempfile::tempdir()?;
//! let network = UnetConfig { encoder: Encoder::ResNet18, decoder_filters: 1, ..UnetConfig::default() };
//! let config = TrainConfig { epochs: 1, size, ..TrainConfig::default() };
//! let (samples, cancel) = (vec![sample], AtomicBool::new(false));
//! let training = Training::new(&network, &config, &samples, &device, folder.path(), &cancel);
//! let validate = |_: &Predictor| Ok(Validation { score: 1.0, ..Validation::default() });
//! let report = training.run(validate, |event| println!("{event:?}"))?;
//! assert_eq!(report.progress.history.len(), 1);
//!
//! let predictor = Predictor::open(&folder.path().join(BEST), &device)?;
//! assert_eq!(predictor.predict(&[image])[0].size(), size);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(
    test,
    expect(
        clippy::float_cmp,
        reason = "values that are known exactly are compared exactly"
    )
)]

pub mod atomic_file;
pub mod augment;
pub mod average;
pub mod batch;
pub mod checkpoint;
pub mod collective;
pub mod colour;
pub mod device;
#[cfg(test)]
mod golden;
pub mod layer_rates;
pub mod line_chart;
pub mod loader;
pub mod loss;
mod lovasz;
pub mod lr_range;
pub mod network;
mod normalise;
pub mod optimizer;
mod parameter_path;
pub mod plane;
pub mod predictor;
pub mod pretrained;
pub mod progress;
pub mod random;
pub mod resample;
mod retention;
pub mod run_log;
pub mod sample;
pub mod schedule;
pub mod setting;
pub mod state_dict;
mod tensor_map;
pub mod train;
pub mod train_config;
pub mod weights;
