//! `footpath train`: stages, interruptions, devices, what is left to read.

#[path = "session/running.rs"]
mod running;
mod session;

use running::{footpath, run_folder};
use serde_json::Value;
use session::Session;
use std::path::Path;
use std::process::Command;

/// Three batches an epoch, saved after each.
const OFTEN: &str = "--set training.batch_size=2 --set training.checkpoint.every_batches=1 \
                     --set training.checkpoint.keep_finished=true";

/// What a command that plans says it would do with each step.
fn explained(session: &Session, line: &str) -> Value {
    let run = session.succeed(line);
    serde_json::from_str(&run.stdout).unwrap()
}

fn step<'a>(explained: &'a Value, name: &str) -> &'a Value {
    let steps = explained["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name);
    step.unwrap_or_else(|| panic!("no {name} in {explained:#}"))
}

#[test]
fn a_change_to_the_last_stage_repeats_the_last_alone() {
    let session = Session::with_suburb();
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/mapping-challenge.yaml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    session.write("four.yaml", &shipped);
    let smoother = shipped.replace("loss.dice: 5.0", "loss.dice: 4.0");
    assert_ne!(smoother, shipped);
    session.write("smoother.yaml", &smoother);
    // Tiny, and its weights are not there; the stages are those of the file.
    let tiny = "--set data=data --set unet.encoder=resnet18 --set unet.pretrained= \
                --set unet.decoder_filters=2 --set training.epochs=1 --set training.batch_size=3 \
                --set training.size.height=64 --set training.size.width=64";
    let train = |config: &str| {
        let run = session.succeed(&format!(
            "train -c {config} --pipeline unet_weighted {tiny} --json -o {config}.safetensors"
        ));
        let events = run.stdout.lines();
        let events = events.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let started = events.filter(|event| event["event"] == "started");
        let stages = started.map(|event| event["stage"].as_u64().unwrap());
        stages.collect::<Vec<_>>()
    };
    assert_eq!(train("four.yaml"), [1, 2, 3, 4]);
    assert_eq!(train("four.yaml"), [0; 0], "all four are kept");

    let explain = |config: &str| {
        let pipeline = "--pipeline unet_weighted explain --json";
        explained(&session, &format!("steps -c {config} {tiny} {pipeline}"))
    };
    let plan = explain("smoother.yaml");
    for (name, action) in [
        ("unet_stage_1", "unneeded"),
        ("unet_stage_2", "unneeded"),
        ("unet_stage_3", "hit"),
        ("unet_stage_4", "compute"),
    ] {
        assert_eq!(step(&plan, name)["action"], action, "{name}: {plan:#}");
    }
    let reason = &step(&plan, "unet_stage_4")["reasons"][0];
    assert_eq!(reason["path"], "training.loss.dice", "{plan:#}");
    assert_eq!((&reason["old"], &reason["new"]), (&5.0.into(), &4.0.into()));
    assert_eq!(train("smoother.yaml"), [4]);
    assert_ne!(
        session.read("four.yaml.safetensors"),
        session.read("smoother.yaml.safetensors")
    );

    // What trained in stages is found again by those that use it.
    session.succeed(&format!(
        "predict -c four.yaml {tiny} --pipeline unet_tta data/val/images -o found.json"
    ));
    session.fail(
        &format!(
            "train -c four.yaml {tiny} --pipeline unet --set training.stages=[{{\"epoch\":1}}]"
        ),
        2,
        &["unknown key `epoch` in stage 1", "did you mean `epochs`?"],
    );
}

#[test]
fn a_run_leaves_what_tells_and_repeats_it() {
    let session = Session::with_suburb();
    session.succeed("train -c town.yaml --pipeline unet_weighted -o model.safetensors");
    let folder = run_folder(&session, ".footpath");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let lines = read("metrics.jsonl");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // Two batches an epoch.
    let events: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect();
    assert_eq!(
        events,
        ["batch", "batch", "epoch", "batch", "batch", "epoch"]
    );
    assert!(lines[2]["metrics"]["ap50"].is_number(), "{}", lines[2]);
    assert!(read("curves.svg").starts_with("<svg"));
    let data: Value = serde_json::from_str(&read("data.json")).unwrap();
    assert_eq!(
        (&data["training_tiles"], &data["validation_tiles"]),
        (&6.into(), &3.into())
    );
    let environment: Value = serde_json::from_str(&read("environment.json")).unwrap();
    assert_eq!(environment["ranks"], 1);

    // Its configuration trains the same anew, from anywhere.
    let config = folder.join("config.yaml");
    let config = config.display();
    session.succeed(&format!(
        "train -c {config} --pipeline unet_weighted --set work=other -o again.safetensors"
    ));
    assert!(session.read("model.safetensors") == session.read("again.safetensors"));
    let again = run_folder(&session, "other");
    assert_eq!(folder.file_name(), again.file_name());
    let metrics = std::fs::read_to_string(again.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics, read("metrics.jsonl"));
}

#[cfg(unix)]
#[test]
fn a_stopped_training_goes_on_in_mid_epoch_even_after_a_full_disk() {
    let session = Session::with_suburb();
    // Six batches an epoch: however late the signal comes, some are left.
    let train = format!(
        "train -c town.yaml --pipeline unet_weighted {OFTEN} --set training.batch_size=1 --json"
    );
    session.succeed(&format!("{train} --set work=whole -o whole.safetensors"));

    let mut running = session.start(&format!("{train} --set work=broken"));
    running.until("batch", 1);
    running.terminate();
    let (status, stderr) = running.end();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("goes on from there"), "{stderr}");
    let last = || {
        let mut scratch = std::fs::read_dir(session.path("broken/scratch")).unwrap();
        let folder = scratch.next().unwrap().unwrap().path();
        assert!(!folder.join("last.safetensors.part").exists());
        std::fs::read(folder.join("last.safetensors")).unwrap()
    };
    let before = last();

    // No file may grow beyond some 30 MB (a block has 512 bytes, in some shells 1024).
    let train_small = format!(
        "trap '' XFSZ; ulimit -f 60000; exec {} {train} --set work=broken",
        footpath().display()
    );
    let mut small = session.start_by(Command::new("sh").args(["-c", &train_small]));
    let (status, stderr) = small.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    for part in [
        "last.safetensors",
        "the earlier one is intact",
        "What was saved last is in",
    ] {
        assert!(stderr.contains(part), "no `{part}` in {stderr}");
    }
    assert!(last() == before, "a failed save changed the checkpoint");

    let mut running = session.start(&format!("{train} --set work=broken -o broken.safetensors"));
    let started = running.until("started", 1);
    assert_ne!(started["batch"], 0, "{started}");
    let (status, stderr) = running.end();
    assert!(status.success(), "{stderr}");
    assert!(session.read("whole.safetensors") == session.read("broken.safetensors"));
    let [whole, broken] = ["whole", "broken"].map(|work| run_folder(&session, work));
    for file in [
        "last.safetensors",
        "metrics.jsonl",
        "curves.svg",
        "data.json",
    ] {
        let [whole, broken] = [&whole, &broken].map(|run| std::fs::read(run.join(file)).unwrap());
        assert!(whole == broken, "{file} differs");
    }
}

#[test]
fn restarting_starts_an_interrupted_training_anew() {
    let session = Session::with_suburb();
    let train = format!("train -c town.yaml --pipeline unet {OFTEN} --json");
    let mut running = session.start(&train);
    running.until("saved", 2);
    running.kill();
    let mut running = session.start(&format!("{train} --restart"));
    let started = running.until("started", 1);
    assert_eq!(
        (&started["epoch"], &started["batch"]),
        (&0.into(), &0.into())
    );
    let (status, stderr) = running.end();
    assert!(status.success(), "{stderr}");
    let metrics = std::fs::read_to_string(run_folder(&session, ".footpath").join("metrics.jsonl"));
    // Three batches and an epoch's end, twice; nothing of the first try.
    assert_eq!(metrics.unwrap().lines().count(), 8);
}

#[test]
fn a_loss_that_is_no_number_names_tiles_checkpoint_and_cures() {
    let session = Session::with_suburb();
    session.fail(
        &format!("train -c town.yaml --pipeline unet {OFTEN} --set training.learning_rate=1e30"),
        1,
        &[
            "in epoch 0, batch 1 (0000",
            "What was saved last is in",
            "lower learning_rate",
            "not_finite: skip",
        ],
    );
}

#[test]
fn devices_train_together_for_any_number_of_threads() {
    let session = Session::with_suburb();
    for threads in [1, 3] {
        session.succeed(&format!(
            "train -c town.yaml --pipeline unet --devices 2 --threads {threads} \
             --set work=w{threads} --set training.batch_size=1 -o {threads}.safetensors"
        ));
    }
    assert!(session.read("1.safetensors") == session.read("3.safetensors"));
    // Two devices with one tile each are not one with one, and known again by their number.
    session.succeed(
        "train -c town.yaml --pipeline unet --set training.batch_size=1 --set work=alone \
         -o alone.safetensors",
    );
    assert!(session.read("1.safetensors") != session.read("alone.safetensors"));
    let plan = explained(
        &session,
        "steps -c town.yaml --pipeline unet --set work=w1 --set training.batch_size=1 \
         --set training.ranks=2 explain --json",
    );
    assert_eq!(step(&plan, "unet")["action"], "hit", "{plan:#}");
    session.fail(
        "train -c town.yaml --pipeline unet --devices 0",
        1,
        &["ranks is 0; expected at least 1"],
    );
}

#[test]
fn learning_rates_are_tried_and_plotted() {
    let session = Session::with_suburb();
    let tried = session.succeed(
        "lr-range -c town.yaml --lowest 1e-5 --highest 1e-1 --steps 6 -o rates.svg --json rates.json",
    );
    assert!(tried.stdout.contains("smoothed"), "{tried:?}");
    let svg = String::from_utf8(session.read("rates.svg")).unwrap();
    assert!(svg.contains("learning rate"), "{svg}");
    let rates = session.json("rates.json");
    let points = rates["points"].as_array().unwrap();
    assert!(points.len() >= 2, "{rates:#}");
    assert_eq!(points[0]["learning_rate"], 1e-5);
    session.fail(
        "lr-range -c town.yaml --lowest 2",
        1,
        &["lowest is 2; expected above 0 and below highest"],
    );
}

#[cfg(not(feature = "mpi"))]
#[test]
fn processes_started_together_are_refused_without_mpi() {
    let session = Session::with_suburb();
    let mut command = Command::new(footpath());
    command.args(["train", "-c", "town.yaml", "--pipeline", "unet"]);
    let mut running = session.start_by(command.env("OMPI_COMM_WORLD_SIZE", "2"));
    let (status, stderr) = running.end();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("built without MPI"), "{stderr}");
}
