//! Every kind of bad input gives a message with file, record and advice, and
//! the sound rest goes on.

use std::fs;
use std::path::{Path, PathBuf};

use footpath_mapping::dataset::{Dataset, DatasetError, Split, list_images};
use footpath_mapping::evaluation::{Metrics, ScoreError, score};
use footpath_mapping::problem::{Report, Strictness};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder `town` with a `val` split of two images of 20x10 px and one building on each.
struct Town {
    folder: TempDir,
    annotation: Value,
}

impl Town {
    fn new() -> Self {
        let town = Self {
            folder: tempfile::tempdir().expect("temporary folder"),
            annotation: json!({
                "images": [
                    {"id": 1, "width": 20, "height": 10, "file_name": "a.jpg"},
                    {"id": 2, "width": 20, "height": 10, "file_name": "b.png"},
                ],
                "annotations": [building(11, 1), building(12, 2)],
                "categories": [{"id": 100, "name": "building"}],
            }),
        };
        fs::create_dir_all(town.images()).expect("writable");
        for name in ["a.jpg", "b.png"] {
            picture(20, 10)
                .save(town.images().join(name))
                .expect("writable");
        }
        town
    }

    /// A town with one more annotation.
    fn with(annotation: Value) -> Self {
        let mut town = Self::new();
        town.list("annotations").push(annotation);
        town
    }

    fn list(&mut self, key: &str) -> &mut Vec<Value> {
        self.annotation[key].as_array_mut().expect("a list")
    }

    fn images(&self) -> PathBuf {
        self.folder.path().join("val/images")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("val/annotation.json")
    }

    fn read_as(&self, strictness: Strictness) -> Result<(Dataset, Report), DatasetError> {
        // "NaN" in quotes stands for the literal, which `Value` cannot hold.
        let text = self.annotation.to_string().replace("\"NaN\"", "NaN");
        fs::write(self.file(), text).expect("writable");
        Dataset::read(
            &[self.folder.path().to_owned()],
            Split::Val,
            None,
            strictness,
        )
    }

    fn read(&self) -> (Dataset, Report) {
        self.read_as(Strictness::SkipBad).expect("a usable rest")
    }

    /// Exactly one problem, with this message behind `file: `; this many tiles
    /// and buildings are left; strictness refuses.
    fn expect(&self, file: &Path, message: &str, tiles: usize, buildings: usize) {
        let (dataset, report) = self.read();
        assert_eq!(report.len(), 1, "{report}");
        assert_eq!(
            report.problems()[0].to_string(),
            format!("{}: {message}", file.display())
        );
        assert_eq!(
            (dataset.tiles().len(), dataset.building_count()),
            (tiles, buildings)
        );
        let refused = self.read_as(Strictness::Strict).expect_err("strict");
        assert!(refused.to_string().contains(message), "{refused}");
    }
}

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 9) as u8, (y * 20) as u8, (x * y) as u8])
    })
}

fn shape(id: u64, image_id: u64, segmentation: &Value) -> Value {
    json!({"id": id, "image_id": image_id, "category_id": 100, "segmentation": segmentation})
}

fn building(id: u64, image_id: u64) -> Value {
    shape(id, image_id, &json!([[1, 1, 6, 1, 6, 6, 1, 6]]))
}

#[test]
fn a_sound_town_has_no_problem() {
    let town = Town::new();
    let (dataset, report) = town.read_as(Strictness::Strict).expect("sound");
    assert!(report.is_empty());
    assert_eq!(
        dataset.tiles()[1].read_image().expect("sound"),
        picture(20, 10)
    );
    assert_eq!(dataset.buildings(&dataset.tiles()[1])[0].id, 12);
}

#[test]
fn annotation_of_a_missing_image() {
    let town = Town::with(building(13, 99));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): image 99 is not in the list of images (skipped); check that both \
         files belong to the same split, or add the image to `images`",
        2,
        2,
    );
}

#[test]
fn listed_image_whose_file_is_missing() {
    let town = Town::new();
    fs::remove_file(town.images().join("b.png")).expect("there");
    town.expect(
        &town.file(),
        &format!(
            "images[1] (id 2): no such image file: {} (skipped); copy the file into `images/` or \
             take its record out of the annotations",
            town.images().join("b.png").display()
        ),
        1,
        1,
    );
}

#[test]
fn image_without_annotation() {
    let town = Town::new();
    picture(20, 10)
        .save(town.images().join("c.png"))
        .expect("writable");
    town.expect(
        &town.images().join("c.png"),
        &format!(
            "the image is not listed in {} (skipped); list it under `images` (without annotations \
             if it shows no building) or move the file away",
            town.file().display()
        ),
        2,
        2,
    );
}

#[test]
fn truncated_jpeg() {
    let town = Town::new();
    let path = town.images().join("a.jpg");
    let bytes = fs::read(&path).expect("there");
    fs::write(&path, &bytes[..bytes.len() / 2 + 200]).expect("writable");
    let (dataset, _) = town.read();
    let cut = dataset.tiles()[0]
        .read_image()
        .expect_err("cut")
        .to_string();
    assert!(
        cut.starts_with(&format!(
            "{}: the image cannot be decoded: the JPEG is cut off after",
            path.display()
        )),
        "{cut}"
    );
    assert!(
        cut.ends_with("(skipped); fetch or export the image again"),
        "{cut}"
    );
    assert!(
        dataset.tiles()[1].read_image().is_ok(),
        "the other tile goes on"
    );
}

#[test]
fn wrong_image_size() {
    let town = Town::new();
    let path = town.images().join("b.png");
    picture(30, 10).save(&path).expect("writable");
    let (dataset, _) = town.read();
    assert_eq!(
        dataset.tiles()[1]
            .read_image()
            .expect_err("wrong size")
            .to_string(),
        format!(
            "{}: the image has 30x10 px, expected 20x10 px as in its record (skipped); the \
             annotations are in the record's pixels: restore the original image or correct both",
            path.display()
        )
    );
}

#[test]
fn polygon_with_fewer_than_three_points() {
    let town = Town::with(shape(13, 1, &json!([[1, 1, 6, 1, 6, 6], [3, 3, 4, 4]])));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): polygon part 1 has 2 points, expected at least 3 (skipped); draw \
         the outline again or take the part out; each part is [x0, y0, x1, y1, x2, y2, …]",
        2,
        2,
    );
}

#[test]
fn polygon_outside_the_image() {
    let town = Town::with(shape(13, 1, &json!([[30, 1, 36, 1, 36, 6]])));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): the polygon lies outside its image of 20x10 px (x 30..36, y 1..6) \
         (kept); it draws no pixel and counts as a building nobody can find; check the tile's \
         offset, then take it out",
        2,
        3,
    );
    let town = Town::with(shape(13, 1, &json!([[15, 1, 26.5, 1, 26.5, 6]])));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): the polygon reaches 6.5 px beyond its image of 20x10 px (kept); \
         it is cut at the border; check the tile's offset if many polygons do so",
        2,
        3,
    );
}

#[test]
fn self_crossing_polygon() {
    let town = Town::with(shape(13, 1, &json!([[1, 1, 9, 9, 9, 1, 1, 9]])));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): the outline of polygon part 0 crosses itself (kept); it is filled \
         by the even-odd rule; draw the outline again if the building looks wrong",
        2,
        3,
    );
}

#[test]
fn nan_coordinates() {
    let town = Town::with(shape(13, 1, &json!([[1, 1, "NaN", 1, 6, 6]])));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): `NaN` where a finite number is expected (skipped); find what \
         wrote the number (Python's json module writes NaN without complaint) and export again",
        2,
        2,
    );
}

#[test]
fn rle_of_the_wrong_length_or_size() {
    let advice = "(skipped); an RLE is column-major over the whole image, size [height, width]: \
                  make it from the mask at the image's size";
    let town = Town::with(shape(13, 1, &json!({"size": [10, 20], "counts": [5, 6]})));
    town.expect(
        &town.file(),
        &format!("annotations[2] (id 13): the RLE's runs cover 11 px, expected 200 px (height times width) {advice}"),
        2,
        2,
    );
    let town = Town::with(shape(
        13,
        1,
        &json!({"size": [20, 10], "counts": [100, 100]}),
    ));
    town.expect(
        &town.file(),
        &format!(
            "annotations[2] (id 13): the RLE's size is [20, 10] (height, width), expected the image's [10, 20] {advice}"
        ),
        2,
        2,
    );
}

#[test]
fn duplicate_ids() {
    let town = Town::with(building(11, 1));
    town.expect(
        &town.file(),
        "annotations[2] (id 11): a copy of annotations[0]: same id 11, image and segmentation \
         (skipped); the first one counts; take the second out",
        2,
        2,
    );
    let town = Town::with(building(11, 2));
    town.expect(
        &town.file(),
        "annotations[2] (id 11): id 11 was given to annotations[0] already, which is another \
         building (kept); both are used; number the annotations anew",
        2,
        3,
    );
    let mut town = Town::new();
    town.list("images")
        .push(json!({"id": 2, "width": 9, "height": 9, "file_name": "a.jpg"}));
    town.expect(
        &town.file(),
        "images[2] (id 2): id 2 was given to images[1] already (skipped); the first one counts; \
         take the second out",
        2,
        2,
    );
}

#[test]
fn empty_folder() {
    let town = Town::new();
    for name in ["a.jpg", "b.png"] {
        fs::remove_file(town.images().join(name)).expect("there");
    }
    let error = town
        .read_as(Strictness::SkipBad)
        .expect_err("nothing left")
        .to_string();
    assert!(
        error.starts_with(&format!(
            "there is no usable tile in {}",
            town.folder.path().display()
        )),
        "{error}"
    );
    let images = town.images();
    assert!(
        error.contains(&format!(
            "{}: the folder holds no image (PNG, JPEG or TIFF) (skipped); check the path: the \
             layout is DIR/{{train,val}}/images/*",
            images.display()
        )),
        "{error}"
    );
    let error = list_images(&images).expect_err("empty").to_string();
    assert_eq!(
        error,
        format!(
            "there is no image in {}: expected PNG, JPEG or TIFF files in the folder itself, not \
             in folders within",
            images.display()
        )
    );
    fs::remove_dir(&images).expect("empty");
    let error = list_images(&images).expect_err("missing").to_string();
    assert!(
        error.starts_with(&format!("cannot list {}: ", images.display())),
        "{error}"
    );
}

#[test]
fn unknown_category() {
    let mut annotation = building(13, 1);
    annotation["category_id"] = json!(5);
    let town = Town::with(annotation);
    town.expect(
        &town.file(),
        "annotations[2] (id 13): category 5 is not in the list of categories [100] (skipped); \
         correct `category_id` or add the category to `categories`",
        2,
        2,
    );
    let mut town = Town::new();
    town.annotation["categories"] = json!([{"id": 1, "name": "road"}, {"id": 2, "name": "house"}]);
    let error = town
        .read_as(Strictness::SkipBad)
        .expect_err("which?")
        .to_string();
    assert!(
        error.ends_with(
            "has the categories [1, 2], none of which is the building category 100; name the \
             category of the buildings in the configuration"
        ),
        "{error}"
    );
}

#[test]
fn record_of_the_wrong_kind() {
    let town =
        Town::with(json!({"id": 13, "image_id": "one", "category_id": 100, "segmentation": []}));
    town.expect(
        &town.file(),
        "annotations[2] (id 13): the record cannot be read: invalid type: string \"one\", expected \
         u64 (skipped); correct the record or take it out of the file",
        2,
        2,
    );
}

#[test]
fn truncated_annotation_file() {
    let town = Town::new();
    town.read();
    let text = fs::read_to_string(town.file()).expect("there");
    fs::write(town.file(), &text[..text.len() - 40]).expect("writable");
    let folders = [town.folder.path().to_owned()];
    let error = Dataset::read(&folders, Split::Val, None, Strictness::SkipBad)
        .expect_err("cut")
        .to_string();
    assert!(
        error.contains("annotation.json is cut off: it ends after"),
        "{error}"
    );
    assert!(error.ends_with("fetch or write the file again"), "{error}");
}

/// Scores `text` as results of the sound town.
fn score_text(text: &str, strictness: Strictness) -> Result<(Metrics, Report), ScoreError> {
    let town = Town::new();
    town.read();
    let results = town.folder.path().join("results.json");
    fs::write(&results, text).expect("writable");
    score(&town.file(), &results, strictness)
}

/// Two hits and `record`, of which `message` is the complaint; the hits still score.
fn expect_prediction_problem(record: &str, message: &str) {
    let hit = |image: u64| {
        format!(
            r#"{{"image_id":{image},"category_id":100,"score":0.5,"segmentation":[[1,1,6,1,6,6,1,6]],"bbox":[1,1,5,5]}}"#
        )
    };
    let text = format!("[{},{record},{}]", hit(1), hit(2));
    let (metrics, report) = score_text(&text, Strictness::SkipBad).expect("a usable rest");
    assert_eq!(report.len(), 1, "{report}");
    let problem = report.problems()[0].to_string();
    assert!(
        problem.ends_with(&format!("results.json: prediction [1]: {message}")),
        "{problem}"
    );
    assert_eq!(metrics.detections, 2);
    assert!((metrics.ap50 - 1.0).abs() < 1e-12);
    assert!(score_text(&text, Strictness::Strict).is_err());
}

#[test]
fn results_for_unknown_images_and_categories() {
    expect_prediction_problem(
        r#"{"image_id":9,"category_id":100,"score":0.5,"segmentation":[[1,1,6,1,6,6]]}"#,
        "image 9 is not in the list of images (skipped); check that both files belong to the same \
         split, or add the image to `images`",
    );
    expect_prediction_problem(
        r#"{"image_id":1,"category_id":3,"score":0.5,"segmentation":[[1,1,6,1,6,6]]}"#,
        "category 3 is not in the list of categories [100] (skipped); correct `category_id` or add \
         the category to `categories`",
    );
}

#[test]
fn results_with_bad_masks_and_scores() {
    expect_prediction_problem(
        r#"{"image_id":1,"category_id":100,"score":0.5,"segmentation":{"size":[20,10],"counts":[200]}}"#,
        "the RLE's size is [20, 10] (height, width), expected the image's [10, 20] (skipped); an \
         RLE is column-major over the whole image, size [height, width]: make it from the mask at \
         the image's size",
    );
    expect_prediction_problem(
        r#"{"image_id":1,"category_id":100,"score":NaN,"segmentation":[[1,1,6,1,6,6]]}"#,
        "`NaN` where a finite number is expected (skipped); find what wrote the number (Python's \
         json module writes NaN without complaint) and export again",
    );
    expect_prediction_problem(
        r#"{"image_id":1,"category_id":100,"segmentation":[[1,1,6,1,6,6]]}"#,
        "the score is missing, expected a finite number (skipped); a score orders the predictions: \
         write a finite number",
    );
    expect_prediction_problem(
        r#"{"image_id":1,"category_id":100,"score":0.5}"#,
        "the segmentation is empty: no polygon part, no pixel (skipped); draw the building or take \
         the record out",
    );
}

#[test]
fn no_predictions_at_all() {
    let (metrics, report) = score_text("[]", Strictness::SkipBad).expect("scored");
    assert_eq!(
        (
            metrics.ap50,
            metrics.ar50,
            metrics.truths,
            metrics.detections
        ),
        (0.0, 0.0, 2, 0)
    );
    assert!(
        report.problems()[0].to_string().ends_with(
            "results.json: there is no prediction (kept); the score of nothing is computed; lower \
             the threshold if the network should have found something"
        ),
        "{report}"
    );
}

#[test]
fn a_results_file_that_is_none() {
    let error = score_text("image,score", Strictness::SkipBad)
        .expect_err("CSV")
        .to_string();
    assert!(
        error.ends_with("results.json is not JSON: byte 0 is 'i', expected `{` or `[`"),
        "{error}"
    );
    assert!(matches!(
        score_text("[{", Strictness::SkipBad),
        Err(ScoreError::Predictions(_))
    ));
}

#[test]
fn joined_folders_keep_tiles_of_one_id_apart() {
    let (one, mut two) = (Town::new(), Town::new());
    one.read();
    two.list("annotations").push(building(13, 2));
    two.read();
    let folders = [one.folder.path().to_owned(), two.folder.path().to_owned()];
    let (joined, report) =
        Dataset::read(&folders, Split::Val, None, Strictness::Strict).expect("sound");
    assert!(report.is_empty());
    let ids: Vec<_> = joined
        .tiles()
        .iter()
        .map(|tile| (tile.id.folder, tile.id.image))
        .collect();
    assert_eq!(ids, [(0, 1), (0, 2), (1, 1), (1, 2)]);
    let counts: Vec<_> = joined
        .tiles()
        .iter()
        .map(|tile| joined.buildings(tile).len())
        .collect();
    assert_eq!(counts, [1, 1, 1, 2]);
}

#[test]
fn images_to_predict_keep_their_names_and_numbers() {
    let town = Town::new();
    let named = list_images(&town.images()).expect("two images");
    let summary: Vec<_> = named
        .iter()
        .map(|file| (file.id, file.file_name.as_str()))
        .collect();
    assert_eq!(summary, [(1, "a.jpg"), (2, "b.png")]);
    for (from, to) in [("a.jpg", "000000000017.jpg"), ("b.png", "000000000003.png")] {
        fs::rename(town.images().join(from), town.images().join(to)).expect("there");
    }
    let numbered = list_images(&town.images()).expect("two images");
    assert_eq!(
        numbered.iter().map(|file| file.id).collect::<Vec<_>>(),
        [3, 17]
    );
}
