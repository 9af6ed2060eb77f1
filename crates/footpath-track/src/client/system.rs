//! The machine's load, by MLflow's names.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sysinfo::{Disks, Networks, System};

use super::queue::{Event, Queue};
use crate::model::Point;
use crate::sql::now_ms;

const MEGABYTE: f64 = 1e6;

/// Logs the load every so often, until the other end of `stop` is gone. Its steps count from when
/// the run began, `before_ms` ago.
pub(super) fn log_load(queue: &Queue, every: Duration, before_ms: i64, stop: &Receiver<()>) {
    let Ok(mut system) = System::new() else {
        return;
    };
    let mut networks = Networks::new_with_refreshed_list().ok();
    let mut disks = Disks::new_with_refreshed_list().ok();
    let start: (u64, u64) = networks.as_ref().map(transferred).unwrap_or_default();
    // The processor's load is that since the sample before.
    system.refresh_cpu_usage();
    let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let mut step = before_ms.max(0) / every_ms;
    while stop.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        system.refresh_cpu_usage();
        system.refresh_memory();
        let used = system.used_memory() as f64;
        let mut values = vec![
            (
                "cpu_utilization_percentage",
                f64::from(system.global_cpu_usage()),
            ),
            ("system_memory_usage_megabytes", used / MEGABYTE),
            (
                "system_memory_usage_percentage",
                100.0 * used / (system.total_memory() as f64).max(1.0),
            ),
        ];
        if let Some(networks) = &mut networks {
            networks.refresh(true);
            let (received, sent) = transferred(networks);
            values.push((
                "network_receive_megabytes",
                received.saturating_sub(start.0) as f64 / MEGABYTE,
            ));
            values.push((
                "network_transmit_megabytes",
                sent.saturating_sub(start.1) as f64 / MEGABYTE,
            ));
        }
        if let Some(disks) = &mut disks {
            disks.refresh(false);
            values.extend(disk(disks));
        }
        let time_ms = now_ms();
        for (name, value) in values {
            queue.push(Event::Metric(
                format!("system/{name}").into(),
                Point::new(step, time_ms, value),
            ));
        }
        step += 1;
    }
}

/// Bytes received and sent by all interfaces.
fn transferred(networks: &Networks) -> (u64, u64) {
    networks
        .iter()
        .fold((0, 0), |(received, sent), (_, network)| {
            (
                received + network.total_received(),
                sent + network.total_transmitted(),
            )
        })
}

/// The load of the disk that the present folder is on.
fn disk(disks: &Disks) -> Vec<(&'static str, f64)> {
    let here = std::env::current_dir().unwrap_or_default();
    let disk = disks
        .iter()
        .filter(|disk| here.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len());
    let Some(disk) = disk else { return Vec::new() };
    let (total, free) = (disk.total_space() as f64, disk.available_space() as f64);
    vec![
        (
            "disk_usage_percentage",
            100.0 * (total - free) / total.max(1.0),
        ),
        ("disk_usage_megabytes", (total - free) / MEGABYTE),
        ("disk_available_megabytes", free / MEGABYTE),
    ]
}
