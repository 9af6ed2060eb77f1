//! A project published from the files of a store, and from a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::serve::Served;
use footpath_server::{PublishError, publish};
use footpath_track::access::{Access, Place, RemoteAccess};
use footpath_track::client::{Layer, Picture, Run, RunOptions, Target};
use serde_json::{Value, json};

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A store with one run: a long series with a spike, a picture, files that a browser could run.
fn store(folder: &Path) -> Box<dyn Access> {
    tracked(Target::Folder(folder.into()));
    let place = Place::new(folder.display().to_string());
    place.open_to_read().unwrap()
}

fn tracked(target: Target) {
    let mut options = RunOptions::new(target);
    options.system_metrics_every = None;
    let run = Run::start_with("maps", "unet", options);
    run.param("lr", 0.01);
    for step in 0..30_000 {
        run.metric("loss", step, if step == 12_345 { 99.0 } else { 0.5 });
    }
    run.metric("iou", 0, f64::NAN);
    let layer = Layer {
        role: "input".into(),
        media_type: "image/png".into(),
        width_px: 1,
        height_px: 1,
        bytes: b"\x89PNG".to_vec(),
    };
    let picture = Picture {
        sample: "a.png".into(),
        score: Some(0.5),
        caption: String::new(),
        layers: vec![layer],
    };
    run.picture("seen", 0, picture);
    run.text("console", 0, "hello");
    run.bytes("deep/drawing.svg", b"<svg onload=alert(1)>".to_vec());
    run.finish();
}

#[test]
fn a_project_is_published_whole_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = store(&folder.path().join("store"));
    let out = folder.path().join("out");
    let mut told = Vec::new();
    let published = publish(&*source, "maps", &out, true, &mut |done, all| {
        told.push((done, all));
    });
    let published = match published {
        Ok(published) => published,
        // Built without npm: there is no page to publish, and it says so.
        Err(PublishError::NotBuilt) => return,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(
        (published.runs, published.contents, told),
        (1, 2, vec![(1, 1)])
    );
    let index = std::fs::read_to_string(out.join("index.html")).unwrap();
    assert!(index.contains("footpath-published") && index.contains("Content-Security-Policy"));

    let project = read(&out.join("data/project.json"));
    assert_eq!(
        (&project["name"], &project["runs"][0]["params"]),
        (&json!("maps"), &json!({ "lr": "0.01" }))
    );
    let records = read(&out.join("data/runs/0/run.json"));
    assert_eq!(records["texts"]["console"][0]["text"], "hello");
    let digest = records["images"]["seen"][0]["layers"][0]["digest"]
        .as_str()
        .unwrap();
    assert_eq!(
        std::fs::read(out.join(format!("data/blobs/{digest}.png"))).unwrap(),
        b"\x89PNG"
    );
    let file = &records["files"][0];
    assert_eq!(file["path"], "deep/drawing.svg");
    let drawing = format!(
        "data/blobs/{}.bin",
        file["blob"]["digest"].as_str().unwrap()
    );
    assert!(
        out.join(drawing).is_file(),
        "a drawing must not be served as one"
    );

    let points = |key: &str| {
        let pack = records["packs"][key].as_u64().unwrap();
        read(&out.join(format!("data/runs/0/points-{pack}.json")))[key].clone()
    };
    assert_eq!(points("iou").as_array().unwrap()[0][2], "NaN");
    let loss = points("loss");
    let loss = loss.as_array().unwrap();
    assert!(loss.len() < 20_000, "{}", loss.len());
    assert!(
        loss.iter()
            .any(|point| point[0] == 12_345 && point[2] == 99.0)
    );

    let again = publish(&*source, "maps", &out, false, &mut |_, _| {}).unwrap();
    assert_eq!(
        again.contents, 1,
        "files are left out, and what was there before is gone"
    );
    assert!(
        read(&out.join("data/runs/0/run.json"))["files"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn other_folders_and_unknown_projects_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = store(&folder.path().join("store"));
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.tex"), "x").unwrap();
    let refused = publish(&*source, "maps", &other, true, &mut |_, _| {}).unwrap_err();
    assert!(matches!(refused, PublishError::Occupied(_)), "{refused}");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
    let refused = publish(
        &*source,
        "nothing",
        &folder.path().join("out"),
        true,
        &mut |_, _| {},
    )
    .unwrap_err();
    assert!(
        matches!(refused, PublishError::NoProject(..)) && refused.to_string().contains("maps"),
        "{refused}"
    );
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_server_and_its_folder_publish_the_same() {
    let mut store = String::new();
    let server = Served::start(|config| store.clone_from(&config.store));
    tracked(Target::Server {
        url: server.url(""),
        token: None,
    });
    let folder = tempfile::tempdir().unwrap();
    let sources: [Box<dyn Access>; 2] = [
        Box::new(RemoteAccess::new(&server.url(""), None)),
        Place::new(store).open_to_read().unwrap(),
    ];
    let [from_server, from_folder] = sources.map(|source| {
        let out = folder.path().join("out");
        match publish(&*source, "maps", &out, true, &mut |_, _| {}) {
            Ok(_) => {}
            Err(PublishError::NotBuilt) => return None,
            Err(error) => panic!("{error}"),
        }
        let mut project = read(&out.join("data/project.json"));
        project["published_ms"] = Value::Null;
        let mut files = files(&out);
        files.remove(Path::new("data/project.json")).unwrap();
        Some((project, files))
    });
    assert_eq!(from_server, from_folder);
}
