//! `mpirun footpath train`: processes learn what one does, and a lost one loses nothing.
//!
//! `.ci/mpi` runs these with what they need.

#![cfg(feature = "mpi")]

#[path = "session/running.rs"]
mod running;
mod session;

use footpath_vision::state_dict::StateDict;
use running::{footpath, run_folder};
use session::Session;
use std::process::Command;
use std::time::{Duration, Instant};

/// No batch norm, no dice: a loss that is a mean over tiles. Two epochs of ten steps.
const CONFIG: &str = "\
data: data
unet: {encoder: vgg11, decoder_filters: 2}
training:
  epochs: 2
  size: {height: 32, width: 32}
  learning_rate: 0.01
  optimizer: {kind: sgd}
  loss: {dice: 0}
";

fn tiles(train: usize) -> Session {
    let session = Session::empty();
    session.write("town.yaml", CONFIG);
    session.succeed(&format!(
        "synth --out data --train {train} --val 2 --size 64 --seed 3"
    ));
    session
}

fn mpirun(processes: usize, words: &str) -> Command {
    let mut command = Command::new("mpirun");
    // Containers run as root, and have as many processors as they like.
    command.args([
        "--allow-run-as-root",
        "--oversubscribe",
        "--bind-to",
        "none",
    ]);
    command.args(["-n", &processes.to_string()]);
    command.arg(footpath()).args(words.split_whitespace());
    command
}

fn difference(session: &Session, one: &str, other: &str) -> f64 {
    let read = |name| StateDict::from_safetensors(&session.read(name)).unwrap().0;
    let (one, other) = (read(one), read(other));
    let (mut square, mut sum) = (0.0, 0.0);
    for (name, _) in one.iter() {
        for (a, b) in one.values(name).iter().zip(other.values(name)) {
            square += f64::from(a - b).powi(2);
            sum += f64::from(*a).powi(2);
        }
    }
    (square / sum).sqrt()
}

#[test]
fn two_processes_with_batch_4_learn_what_one_does_with_batch_8() {
    let session = tiles(80);
    let train = "train -c town.yaml --pipeline unet_weighted --json";
    session.succeed(&format!(
        "{train} --set training.batch_size=8 --set work=one -o one.safetensors"
    ));
    let words = format!("{train} --set training.batch_size=4 --set work=two -o two.safetensors");
    let (status, stderr) = session.start_by(&mut mpirun(2, &words)).end();
    assert!(status.success(), "{stderr}");
    let metrics = std::fs::read_to_string(run_folder(&session, "two").join("metrics.jsonl"));
    let steps = metrics.unwrap();
    let steps = steps
        .lines()
        .filter(|line| line.contains("\"batch\","))
        .count();
    assert_eq!(steps, 20);
    let distance = difference(&session, "one.safetensors", "two.safetensors");
    println!("two processes differ from one by {distance:.1e}");
    assert!(distance < 1e-5, "{distance}");

    // Threads share in the same way, to the last bit.
    session.succeed(&format!(
        "{train} --set training.batch_size=4 --devices 2 --set work=threads -o threads.safetensors"
    ));
    assert!(session.read("two.safetensors") == session.read("threads.safetensors"));
}

#[test]
fn a_lost_process_ends_the_others_with_a_checkpoint_to_go_on_from() {
    let session = tiles(24);
    let train = "train -c town.yaml --pipeline unet_weighted --json --set training.batch_size=2 \
                 --set training.checkpoint.every_batches=2 \
                 --set training.checkpoint.keep_finished=true";
    let whole = format!("{train} --set work=whole -o whole.safetensors");
    let (status, stderr) = session.start_by(&mut mpirun(2, &whole)).end();
    assert!(status.success(), "{stderr}");

    let broken = format!("{train} --set work=broken -o broken.safetensors");
    let mut running = session.start_by(&mut mpirun(2, &broken));
    running.until("batch", 3);
    kill_second_rank(running.id());
    let lost = Instant::now();
    let (status, stderr) = running.end();
    let took = lost.elapsed();
    println!("the first process ended {took:.1?} after the second was killed");
    assert!(took < Duration::from_secs(10), "{took:?}: {stderr}");
    assert!(!status.success());
    for part in [
        "another process of this training is gone",
        "What was saved last is in",
    ] {
        assert!(stderr.contains(part), "no `{part}` in {stderr}");
    }

    let mut running = session.start_by(&mut mpirun(2, &broken));
    let started = running.until("started", 1);
    assert_ne!(started["batch"], 0, "{started}");
    let (status, stderr) = running.end();
    assert!(status.success(), "{stderr}");
    for file in ["last.safetensors", "metrics.jsonl"] {
        let [whole, broken] = ["whole", "broken"]
            .map(|work| std::fs::read(run_folder(&session, work).join(file)).unwrap());
        assert!(whole == broken, "{file} differs");
    }
}

/// Kills the second of the processes that `mpirun` started.
fn kill_second_rank(mpirun: u32) {
    let children = std::fs::read_to_string(format!("/proc/{mpirun}/task/{mpirun}/children"));
    let children = children.unwrap();
    let is_second = |pid: &&str| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut words = environment.split(|byte| *byte == 0);
        words.any(|word| word == b"OMPI_COMM_WORLD_RANK=1")
    };
    let second = children.split_whitespace().find(is_second);
    let second = second.unwrap_or_else(|| panic!("no second rank among {children}"));
    let killed = Command::new("kill").args(["-KILL", second]).status();
    assert!(killed.unwrap().success());
}

#[test]
fn processes_that_cannot_train_together_say_why() {
    let session = tiles(2);
    let words = "train -c town.yaml --pipeline unet --devices 3";
    let (status, stderr) = session.start_by(&mut mpirun(2, words)).end();
    assert!(!status.success());
    assert!(
        stderr.contains("2 processes were started, but training.ranks is 3"),
        "{stderr}"
    );
}
