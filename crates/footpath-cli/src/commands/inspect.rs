//! What an evaluation says of single tiles: a table, and pictures of the worst.

use crate::output::{say, write_file, write_json};
use anyhow::{Context, Result, anyhow};
use footpath_mapping::dataset::read_rgb;
use footpath_mapping::evaluation::ImageScore;
use footpath_mapping::overlay::{Instance, draw_comparison};
use footpath_mapping::rle::{Rle, to_plane};
use footpath_mapping::solution::{Imagery, TileObjects};
use footpath_steps::Items;
use image::codecs::png::PngEncoder;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

use super::WrongUsage;

/// A column of the table: its name, and its value for a tile.
type Column = (&'static str, fn(&ImageScore) -> Value);

const COLUMNS: [Column; 10] = [
    ("truths", |s| json!(s.truths)),
    ("detections", |s| json!(s.detections)),
    ("hits", |s| json!(s.hits)),
    ("f1", |s| json!(s.f1())),
    ("ap50", |s| json!(s.ap50)),
    ("ar50", |s| json!(s.ar50)),
    ("iou", |s| json!(s.iou)),
    ("c_iou", |s| json!(s.c_iou)),
    ("corners", |s| json!(s.corners)),
    ("corners_found", |s| json!(s.corners_found)),
];

/// Refuses a table of a kind that is not written.
pub(crate) fn check_table(path: &Path) -> Result<()> {
    match extension(path) {
        "csv" | "json" => Ok(()),
        _ => {
            let told = format!("--per-image {}: name a file .csv or .json", path.display());
            Err(WrongUsage(told).into())
        }
    }
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(std::ffi::OsStr::to_str)
        .unwrap_or("")
}

/// Writes a row for each tile, as CSV or JSON by the file's name.
pub(crate) fn write_table(path: &Path, scores: &[ImageScore], val: &Imagery) -> Result<()> {
    if extension(path) == "json" {
        let row = |score: &ImageScore| {
            let tile = &val.tiles[score.image as usize];
            let named = COLUMNS
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value(score)));
            let mut row: serde_json::Map<String, Value> = named.collect();
            row.insert("image_id".to_owned(), json!(tile.id));
            row.insert("file_name".to_owned(), json!(tile.file_name));
            if let Some(data_set) = &tile.data_set {
                row.insert("data_set".to_owned(), json!(data_set));
            }
            row
        };
        return write_json(path, &scores.iter().map(row).collect::<Vec<_>>());
    }
    let names = COLUMNS.map(|(name, _)| name).join(",");
    let quoted = |value: &str| format!("\"{}\"", value.replace('"', "\"\""));
    let several = val.tiles.iter().any(|tile| tile.data_set.is_some());
    let data_set = if several { "data_set," } else { "" };
    let mut text = format!("{data_set}image_id,file_name,{names}\n");
    for score in scores {
        let tile = &val.tiles[score.image as usize];
        if let Some(data_set) = &tile.data_set {
            let _ = write!(text, "{},", quoted(&data_set.to_string_lossy()));
        }
        let _ = write!(text, "{},{}", tile.id, quoted(&tile.file_name));
        for (_, value) in COLUMNS {
            match value(score) {
                Value::Null => text.push(','),
                value => {
                    let _ = write!(text, ",{value}");
                }
            }
        }
        text.push('\n');
    }
    write_file(path, text.as_bytes())
}

/// Draws the truth (cyan) and what was found (orange) on the `count` tiles of the lowest F1, then
/// lowest `IoU`.
pub(crate) fn draw_worst(
    count: usize,
    folder: &Path,
    scores: &[ImageScore],
    val: &Imagery,
    objects: &Items<TileObjects>,
) -> Result<()> {
    let mut order: Vec<&ImageScore> = scores.iter().collect();
    let key = |score: &ImageScore| (score.f1(), score.iou.unwrap_or(1.0));
    order.sort_by(|a, b| {
        let ((f, iou), (other_f, other_iou)) = (key(a), key(b));
        f.total_cmp(&other_f).then(iou.total_cmp(&other_iou))
    });
    order.truncate(count);
    let drawn = order.par_iter().enumerate().try_for_each(|(rank, score)| {
        let tile = &val.tiles[score.image as usize];
        let mut image = read_rgb(&tile.path)?;
        let found = objects.get(score.image as usize)?;
        let buildings = val.buildings.get(score.image as usize)?;
        let found: Vec<Rle> = found.detections().map(|found| found.mask).collect();
        let (width, height) = image.dimensions();
        let truth = buildings
            .buildings
            .iter()
            .filter(|building| !building.crowd)
            .map(|building| building.shape.to_rle(width, height))
            .collect::<Result<Vec<Rle>, _>>()
            .map_err(|cause| anyhow!("{}: {cause}", tile.file_name))?;
        let (truth, found) = (Windows::new(&truth), Windows::new(&found));
        draw_comparison(&mut image, &truth.instances(), &found.instances());
        let mut bytes = Vec::new();
        image
            .write_with_encoder(PngEncoder::new(&mut bytes))
            .with_context(|| format!("cannot encode the picture of {}", tile.file_name))?;
        let stem = Path::new(&tile.file_name).file_stem().unwrap_or_default();
        let name = format!(
            "{:03}_f1-{:.2}_{}.png",
            rank + 1,
            score.f1(),
            stem.to_string_lossy()
        );
        write_file(&folder.join(name), &bytes)
    });
    drawn?;
    say(&format!(
        "the {} worst tiles, truth in cyan, found in orange: {}",
        order.len(),
        folder.display()
    ));
    Ok(())
}

/// Masks as windows of their image.
struct Windows(Vec<(usize, usize, usize, Vec<bool>)>);

impl Windows {
    fn new(masks: &[Rle]) -> Self {
        let window = |mask: &Rle| {
            let [x, y, width, height] = mask.bbox().map(|side| side as usize);
            let plane = to_plane(mask);
            let rows = plane.rows().skip(y).take(height);
            let inside = rows.flat_map(|row| row[x..x + width].iter().map(|&value| value != 0));
            (x, y, width, inside.collect())
        };
        Self(masks.iter().map(window).collect())
    }

    fn instances(&self) -> Vec<Instance<'_>> {
        let windows = self.0.iter();
        let instance = windows.map(|&(x, y, width, ref mask)| Instance { x, y, width, mask });
        instance.collect()
    }
}
