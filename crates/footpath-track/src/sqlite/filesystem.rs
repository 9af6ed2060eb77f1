//! Which file system a folder is on.

use std::path::Path;

use crate::error::Error;

/// File systems that other machines write to as well.
const NETWORK: [&str; 17] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
];

/// Refuses a folder on a network file system. Where the mounts are not told (other systems
/// than Linux), every folder passes.
pub(super) fn refuse_network(folder: &Path) -> Result<(), Error> {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mountinfo") else {
        return Ok(());
    };
    let path = std::fs::canonicalize(folder).map_err(Error::file(folder))?;
    match filesystem_of(&path, &mounts) {
        Some(filesystem) if NETWORK.contains(&filesystem) => Err(Error::NetworkFilesystem {
            path,
            filesystem: filesystem.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The file system of the mount that a path is below. Of mounts on one point the last counts.
fn filesystem_of<'a>(path: &Path, mounts: &'a str) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&point)
            .then_some((point.len(), right.split(' ').next()?))
    });
    mounts
        .max_by_key(|(length, _)| *length)
        .map(|(_, filesystem)| filesystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_counts() {
        let mounts = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /home rw - nfs4 server:/home rw,vers=4.2
23 22 8:2 / /home/fast\\040disk rw master:1 - xfs /dev/sdb rw
24 21 0:7 / /home2 rw - tmpfs tmpfs rw
";
        let of = |path: &str| filesystem_of(Path::new(path), mounts);
        assert_eq!(of("/srv/a"), Some("ext4"));
        assert_eq!(of("/home/me/.footpath"), Some("nfs4"));
        assert_eq!(of("/home/fast disk/x"), Some("xfs"));
        assert_eq!(of("/home2/x"), Some("tmpfs"));
    }
}
