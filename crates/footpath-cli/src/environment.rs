//! What a run's folder says of program and machine.

use crate::args::DeviceName;
use clap::ValueEnum;
use footpath_mapping::solution::{RunReports, SolutionConfig};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// Where the folders of trainings are made, below the key `work`.
const RUNS: &str = "trainings";

/// What the folders of this configuration's trainings hold; none where it cannot be written down.
pub(crate) fn run_reports(config: &SolutionConfig, device: DeviceName) -> Option<RunReports> {
    let text = (
        serde_saphyr::to_string(&with_absolute_paths(config)),
        serde_json::to_string_pretty(&environment(config, device)),
    );
    let (Ok(yaml), Ok(environment)) = text else {
        tracing::warn!("the configuration cannot be written as YAML: runs leave no folder");
        return None;
    };
    Some(RunReports {
        runs: config.work.join(RUNS),
        config: yaml,
        environment: format!("{environment}\n"),
    })
}

/// The configuration as it can be used from anywhere.
fn with_absolute_paths(config: &SolutionConfig) -> SolutionConfig {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut config = config.clone();
    config.data = config.data.iter().map(|path| absolute(path)).collect();
    config.work = absolute(&config.work);
    config.unet.pretrained = config.unet.pretrained.as_deref().map(absolute);
    config
}

fn environment(config: &SolutionConfig, device: DeviceName) -> Value {
    let cpus = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(cpus).ok();
    let cpu = system.as_ref().and_then(|system| system.cpus().first());
    let device_name = device.to_possible_value();
    let device_name = device_name.as_ref().map(|value| value.get_name());
    json!({
        "program": concat!("footpath ", env!("CARGO_PKG_VERSION")),
        "commit": option_env!("FOOTPATH_COMMIT"),
        "executable": std::env::current_exe().unwrap_or_else(|_| PathBuf::new()),
        "features": features(),
        "system": System::long_os_version().ok(),
        "architecture": std::env::consts::ARCH,
        "cpu": cpu.map(sysinfo::Cpu::brand),
        "instructions": instructions(),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "threads": rayon::current_num_threads(),
        "device": device_name,
        "ranks": config.training.ranks,
        "repeats_to_the_byte": repeats(device),
    })
}

/// Whether a device computes the same bits each time: atomic sums of GPUs come in any order.
pub(crate) fn repeats(device: DeviceName) -> bool {
    device == DeviceName::Cpu
}

/// The cargo features that this program was built with.
fn features() -> Vec<&'static str> {
    let all = [
        ("cuda", cfg!(feature = "cuda")),
        ("metal", cfg!(feature = "metal")),
        ("mpi", cfg!(feature = "mpi")),
        ("rocm", cfg!(feature = "rocm")),
        ("vulkan", cfg!(feature = "vulkan")),
    ];
    let built = all.into_iter().filter(|(_, is_built)| *is_built);
    built.map(|(name, _)| name).collect()
}

/// The instruction sets of this processor that the kernels have code for.
fn instructions() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let all = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
        ];
        let found = all.into_iter().filter(|(_, is_there)| *is_there);
        found.map(|(name, _)| name).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_can_be_repeated_from_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let stages = "training.stages=[{epochs: 2, loss.dice: 0.5}, {learning_rate: 1.0e-05}]";
        let overrides = ["data=[a, b]".to_owned(), stages.to_owned()];
        let config = SolutionConfig::load(None, &overrides).unwrap();
        let reports = run_reports(&config, DeviceName::Cpu).unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, &reports.config).unwrap();
        let again = SolutionConfig::load(Some(&file), &[]).unwrap();
        assert_eq!(again, with_absolute_paths(&config));
        assert!(again.data[0].is_absolute());
        let environment: Value = serde_json::from_str(&reports.environment).unwrap();
        assert_eq!(environment["device"], "cpu");
        assert_eq!(environment["repeats_to_the_byte"], true);
        assert!(environment["threads"].as_u64().unwrap() >= 1);
    }
}
