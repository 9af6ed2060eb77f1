//! Synthetic aerial suburbs: tiles with exact footprints, for demonstrations and tests.
//!
//! [`generate`] writes a data set in the `CrowdAI` layout. A tile is a small scene seen from above
//! at 0.3 m a pixel, made in the order nature and builders use:
//!
//! 1. a neighbourhood with its streets and plots (`district`, `street`),
//! 2. buildings, gardens, yards, trees and cars on the plots (`scene`, `house`, `building`),
//! 3. painted onto a lattice of samples that hold colour, height and slope (`canvas`, `ground`,
//!    `roof`, `plant`, `object`),
//! 4. lit by a sun that casts shadows from those heights (`light`),
//! 5. photographed (`camera`) and, where the border cuts footprints, clipped (`clip`).
//!
//! Every tile draws from a random stream of its own, and transcendental functions come from `libm`
//! rather than from the machine's C library: the same settings give the same bytes with any number
//! of threads, on any machine.

mod building;
mod camera;
mod canvas;
mod clip;
mod dataset;
mod district;
mod geometry;
mod ground;
mod house;
mod light;
mod material;
mod noise;
mod object;
mod plant;
mod random;
mod roof;
mod scene;
mod street;
mod tile;

#[cfg(test)]
mod tests;

pub use canvas::PIXEL_M;
pub use dataset::{SynthError, SynthProgress, SynthReport, SynthSettings, generate};
pub use random::Split;
pub use tile::{Footprint, MIN_PART_PX2, Tile, render_tile};
