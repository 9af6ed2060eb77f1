//! `kill -9` at instants drawn by a seed: a training that is resumed each time ends with the bytes
//! of one that was never killed.

#[path = "session/running.rs"]
mod running;
mod session;

use running::run_folder;
use session::Session;

/// The training that is killed. Stages, an average and an optimizer with memory all have to come
/// back.
const TRAIN: &str = "train -c town.yaml --pipeline unet_weighted --json \
    --set training.batch_size=2 --set training.checkpoint.every_batches=1 \
    --set training.checkpoint.keep_finished=true --set training.average={\"kind\":\"ema\",\"decay\":0.9} \
    --set training.schedule={\"kind\":\"cosine\"} --set training.schedule_unit=batch";

/// Files of a finished run that must be alike.
const FILES: [&str; 4] = [
    "last.safetensors",
    "metrics.jsonl",
    "curves.svg",
    "data.json",
];

/// Numbers that follow from a seed (splitmix64).
struct Draws(u64);

impl Draws {
    /// From 1 to `most`.
    fn up_to(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        1 + ((z ^ (z >> 31)) % most as u64) as usize
    }
}

/// Trains without being killed; gives the number of events.
fn train_whole(session: &Session, epochs: usize) -> usize {
    let epochs = format!("--set training.epochs={epochs}");
    let run = session.succeed(&format!(
        "{TRAIN} {epochs} --set work=whole -o whole.safetensors"
    ));
    run.stdout.lines().count()
}

/// Trains, killed after up to `most` events of each start for `kills` times, and compares with the
/// whole run. Gives how often it was killed and how often it then went on in mid-epoch. A machine
/// so busy that this test falls behind may let a training end before.
fn train_killed(
    session: &Session,
    (epochs, kills, most): (usize, usize, usize),
    threads: usize,
    seed: u64,
) -> (usize, usize) {
    let work = format!("killed{threads}");
    let line = format!(
        "{TRAIN} --set training.epochs={epochs} --threads {threads} --set work={work} \
         -o {work}.safetensors"
    );
    let mut draws = Draws(seed);
    let (mut resumed, mut killed) = (0, 0);
    loop {
        let mut running = session.start(&line);
        let events = if killed < kills {
            draws.up_to(most)
        } else {
            usize::MAX
        };
        let mut seen = 0;
        while seen < events
            && let Some(event) = running.next()
        {
            seen += 1;
            let is_start = event["event"] == "started";
            resumed += usize::from(is_start && event["batch"] != 0);
        }
        if seen < events {
            let (status, stderr) = running.end();
            assert!(status.success(), "after {killed} kills: {stderr}");
            break;
        }
        running.kill();
        killed += 1;
    }
    let whole = run_folder(session, "whole");
    let broken = run_folder(session, &work);
    for file in FILES {
        let [whole, broken] = [&whole, &broken].map(|run| std::fs::read(run.join(file)).unwrap());
        assert!(whole == broken, "{threads} threads: {file} differs");
    }
    assert!(
        session.read("whole.safetensors") == session.read(&format!("{work}.safetensors")),
        "{threads} threads: the trained network differs"
    );
    (killed, resumed)
}

#[test]
fn a_killed_training_ends_as_one_that_was_not() {
    let session = Session::with_suburb();
    train_whole(&session, 2);
    let mut resumed = 0;
    for (threads, seed) in [(1, 11), (2, 12), (4, 13)] {
        resumed += train_killed(&session, (2, 3, 9), threads, seed).1;
    }
    assert!(resumed > 0, "never in mid-epoch");
}

/// `cargo test --workspace --test killed_training -- --ignored --nocapture`
#[test]
#[ignore = "takes many minutes"]
fn twenty_kills_change_nothing() {
    let session = Session::with_suburb();
    let events = train_whole(&session, 10);
    for threads in [1, 2, 4] {
        let plan = (10, 20, events / 20);
        let (killed, resumed) = train_killed(&session, plan, threads, threads as u64);
        println!("{threads} threads: {killed} kills, {resumed} resumed in mid-epoch");
        assert_eq!(killed, 20, "it was done before");
    }
}
