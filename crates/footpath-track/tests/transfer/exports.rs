use footpath_track::access::{Access, Search};
use footpath_track::transfer::export::{RunColumns, point_columns, points, runs};
use footpath_track::transfer::table::{Format, begin};

use super::{open, track};

fn of_runs(access: &dyn Access, format: Format) -> Vec<u8> {
    let search = Search {
        order: vec!["run_name".into()],
        ..Search::default()
    };
    let columns = RunColumns::of(access, &search).unwrap();
    let mut out = Vec::new();
    let mut rows = begin(format, columns.columns(), &mut out).unwrap();
    assert_eq!(runs(access, &search, &columns, 0, &mut *rows).unwrap(), 2);
    rows.finish().unwrap();
    out
}

#[test]
fn a_row_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let id = track(folder.path(), "a", 0.5, 1);
    track(folder.path(), "b, \"2\"", 0.25, 1);
    let access = open(folder.path());

    let written = of_runs(&*access, Format::Csv);
    let mut csv = csv::Reader::from_reader(&written[..]);
    let head = csv.headers().unwrap().clone();
    let at = |name: &str| head.iter().position(|found| found == name).unwrap();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let cell = |row: usize, name: &str| rows[row].get(at(name)).unwrap().to_owned();
    assert_eq!(
        (cell(0, "run"), cell(0, "name")),
        (id.to_string(), "a".into())
    );
    assert_eq!(cell(1, "name"), "b, \"2\"");
    assert_eq!(
        (cell(0, "params.net.depth"), cell(0, "state")),
        ("34".into(), "finished".into())
    );
    assert_eq!(
        (cell(0, "metrics.ap50"), cell(1, "best(metrics.train/loss)")),
        ("0.5".into(), (0.25_f64 / 3000.0).to_string())
    );
    assert_eq!(cell(0, "count(metrics.train/loss)"), "3000");

    let json: serde_json::Value = serde_json::from_slice(&of_runs(&*access, Format::Json)).unwrap();
    assert_eq!(json[1]["max(metrics.ap50)"], 0.25);
    assert_eq!(json[0]["tags.kind"], "test\u{1b}[2J");
}

#[test]
#[cfg(feature = "parquet")]
fn a_row_a_run_in_parquet() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let folder = tempfile::tempdir().unwrap();
    let id = track(folder.path(), "a", 0.5, 1);
    track(folder.path(), "b, \"2\"", 0.25, 1);
    let access = open(folder.path());
    let file = folder.path().join("runs.parquet");
    std::fs::write(&file, of_runs(&*access, Format::Parquet)).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
    let rows: Vec<_> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().into_columns())
        .collect();
    let field = |row: usize, name: &str| {
        rows[row]
            .iter()
            .find(|(found, _)| found == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(field(0, "run"), Field::Str(id.to_string()));
    assert_eq!(field(1, "metrics.ap50"), Field::Double(0.25));
    assert!(matches!(field(0, "start"), Field::TimestampMillis(_)));
}

#[test]
fn a_row_a_point() {
    let folder = tempfile::tempdir().unwrap();
    track(folder.path(), "a", 0.5, 1);
    let access = open(folder.path());
    let write = |metrics: &[String], format| {
        let mut out = Vec::new();
        let mut rows = begin(format, point_columns(), &mut out).unwrap();
        let count = points(&*access, &Search::default(), metrics, &mut *rows).unwrap();
        rows.finish().unwrap();
        (count, out)
    };
    assert_eq!(write(&[], Format::Json).0, 3001);
    let (count, out) = write(&["train/loss".into()], Format::Csv);
    assert_eq!(count, 3000);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "run,name,metric,step,time,value");
    assert!(
        lines[1].ends_with(",a,train/loss,0,1700000000000,0.5"),
        "{}",
        lines[1]
    );
    assert!(lines[8].ends_with(",7,1700000000007,NaN"), "{}", lines[8]);
}
