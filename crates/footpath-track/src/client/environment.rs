//! The machine that a run runs on, as tags: what `footpath runs diff` calls the environment.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::compare::ENVIRONMENT;
use crate::model::Tags;

/// Host, system, kernel, processor and memory; what the system does not tell is left out.
pub(super) fn tags() -> Tags {
    let mut tags = Tags::new();
    let mut told = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            tags.insert(format!("{ENVIRONMENT}{name}"), value.trim().to_owned());
        }
    };
    told("host", System::host_name().ok());
    told("os", System::long_os_version().ok());
    told("kernel", System::kernel_version().ok());
    told("arch", Some(System::cpu_arch()));
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    if let Ok(system) = System::new_with_specifics(wanted) {
        let brand = system.cpus().first().map(|cpu| cpu.brand().to_owned());
        told("cpu", brand);
        told("cpus", Some(system.cpus().len().to_string()));
        let memory = system.total_memory() / 1_000_000;
        told("memory_megabytes", Some(memory.to_string()));
    }
    tags
}
