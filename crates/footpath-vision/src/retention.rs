//! Which files of a run are kept.
//!
//! The newest checkpoint is always [`LAST`], the best network always [`BEST`]. Earlier ones that
//! are to be kept get a second name before they are replaced: `last-STEPS.safetensors` and
//! `best-EPOCH.safetensors`. A run killed in between finds both names and goes on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::progress::EpochRecord;

/// The run as it stands, in the run's folder.
pub const LAST: &str = "last.safetensors";
/// The network of the epoch with the highest score, in the run's folder.
pub const BEST: &str = "best.safetensors";

/// The checkpoint written after `steps` steps, once it is not the newest.
fn earlier(folder: &Path, steps: u64) -> PathBuf {
    folder.join(format!("last-{steps:08}.safetensors"))
}

/// The network of an epoch, while it is not the best.
fn runner_up(folder: &Path, epoch: usize) -> PathBuf {
    folder.join(format!("best-{epoch:04}.safetensors"))
}

/// Before [`LAST`], written after `steps` steps, is replaced: keeps it if it is among the `keep`
/// newest, and removes those that no longer are.
pub(crate) fn set_last_aside(folder: &Path, steps: u64, keep: usize) -> io::Result<()> {
    if keep > 1 {
        second_name(&folder.join(LAST), &earlier(folder, steps))?;
    }
    let mut kept = named(folder, "last-")?;
    kept.sort();
    for path in kept.iter().rev().skip(keep - 1) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Where the network of the last epoch of `history` is kept among the `keep` best, if it is.
///
/// Where it is the best, the one that was so far is set aside.
pub(crate) fn place_of_newest(
    folder: &Path,
    history: &[EpochRecord],
    keep: usize,
) -> io::Result<Option<PathBuf>> {
    let ranked = ranked(history);
    let Some(newest) = history.last() else {
        return Ok(None);
    };
    match ranked.iter().position(|&epoch| epoch == newest.epoch) {
        Some(0) => {
            if let (true, Some(&second)) = (keep > 1, ranked.get(1)) {
                second_name(&folder.join(BEST), &runner_up(folder, second))?;
            }
            Ok(Some(folder.join(BEST)))
        }
        Some(rank) if rank < keep => Ok(Some(runner_up(folder, newest.epoch))),
        _ => Ok(None),
    }
}

/// Removes the networks of epochs that are not among the `keep` best any more.
pub(crate) fn prune_best(folder: &Path, history: &[EpochRecord], keep: usize) -> io::Result<()> {
    let ranked = ranked(history).into_iter().take(keep).skip(1);
    let kept: Vec<PathBuf> = ranked.map(|epoch| runner_up(folder, epoch)).collect();
    for path in named(folder, "best-")? {
        if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The epochs, the best first, the first of equals before the others.
fn ranked(history: &[EpochRecord]) -> Vec<usize> {
    let mut order: Vec<&EpochRecord> = history.iter().collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    order.into_iter().map(|record| record.epoch).collect()
}

/// Gives the file a second name, unless that is taken already or there is no file.
fn second_name(path: &Path, second: &Path) -> io::Result<()> {
    if second.exists() || !path.exists() {
        return Ok(());
    }
    // Some file systems have no hard links.
    fs::hard_link(path, second).or_else(|_| {
        let part = second.with_extension("part");
        fs::copy(path, &part)?;
        fs::rename(&part, second)
    })
}

fn named(folder: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(prefix) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::progress::Losses;

    fn files(folder: &Path) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                format!("{name}={}", fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn the_newest_checkpoints_stay() {
        let folder = tempfile::tempdir().unwrap();
        for steps in 1..=4_u64 {
            set_last_aside(folder.path(), steps - 1, 3).unwrap();
            // Killed before the new one was written: nothing is lost, nothing is twice there.
            set_last_aside(folder.path(), steps - 1, 3).unwrap();
            let new = folder.path().join("new");
            fs::write(&new, steps.to_string()).unwrap();
            fs::rename(new, folder.path().join(LAST)).unwrap();
        }
        assert_eq!(
            files(folder.path()),
            ["last-00000002=2", "last-00000003=3", "last=4"]
        );
        set_last_aside(folder.path(), 4, 1).unwrap();
        assert_eq!(files(folder.path()), ["last=4"]);
    }

    #[test]
    fn the_best_epochs_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = Vec::new();
        for (epoch, score) in [0.3, 0.5, 0.1, 0.4, 0.5, 0.9].into_iter().enumerate() {
            history.push(EpochRecord {
                epoch,
                learning_rate: 0.1,
                losses: Losses::default(),
                score,
                metrics: BTreeMap::new(),
            });
            // Twice: killed after the network was written, before the checkpoint was.
            for _ in 0..2 {
                if let Some(path) = place_of_newest(folder.path(), &history, 3).unwrap() {
                    let new = folder.path().join("new");
                    fs::write(&new, epoch.to_string()).unwrap();
                    fs::rename(new, path).unwrap();
                }
            }
            prune_best(folder.path(), &history, 3).unwrap();
        }
        assert_eq!(
            files(folder.path()),
            ["best-0001=1", "best-0004=4", "best=5"]
        );
    }
}
