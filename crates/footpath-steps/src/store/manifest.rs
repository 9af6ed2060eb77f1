//! Manifests: what is kept of a step, and how it came to be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::disk::{Result, Sync};
use super::objects::{Object, sharded};
use super::{Disk, disk, read_json};
use crate::digest::Digest;
use crate::error::{BoxError, StoreError};
use crate::key::KeyParts;

/// What the store knows of one kept output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The pipeline that computed it first.
    pub pipeline: String,
    /// The step.
    pub step: String,
    /// The step's key.
    pub key: Digest,
    /// What the key was made of.
    pub parts: KeyParts,
    /// What is kept.
    pub output: Output,
    /// How long the step worked, in seconds.
    pub elapsed_secs: f64,
    /// When it finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
    /// Who computed it, where and with what.
    pub origin: Origin,
}

/// What is kept of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// One value.
    Value {
        /// Its bytes.
        object: Object,
        /// The name and version of their format.
        type_tag: String,
    },
    /// The items of a collection.
    Items {
        /// The table of items.
        table: Object,
        /// The log of items as they are computed.
        log: Digest,
        /// The number of positions.
        len: u64,
        /// The bytes of all items.
        bytes: u64,
        /// The positions of the items that failed, with the reason.
        failed: Vec<(u64, String)>,
        /// The name and version of the items' format.
        type_tag: String,
    },
}

impl Output {
    /// The size of what is kept, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Value { object, .. } => object.bytes,
            Self::Items { bytes, .. } => *bytes,
        }
    }

    pub(crate) fn type_tag(&self) -> &str {
        match self {
            Self::Value { type_tag, .. } | Self::Items { type_tag, .. } => type_tag,
        }
    }
}

/// Who computed something, where and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The user's login name, if known.
    pub user: Option<String>,
    /// The machine's name, if known.
    pub host: Option<String>,
    /// The process.
    pub pid: u32,
    /// The version of this crate.
    pub version: String,
}

impl Origin {
    pub(crate) fn here() -> Self {
        let variable =
            |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
        let host = std::fs::read_to_string("/etc/hostname")
            .ok()
            .map(|name| name.trim().to_owned());
        Self {
            user: variable(["USER", "USERNAME"]),
            host: host.or_else(|| variable(["HOSTNAME", "COMPUTERNAME"])),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The items of a kept collection.
#[derive(Debug, Clone)]
pub(crate) struct ItemTable {
    pub(crate) rows: Vec<ItemRow>,
}

/// One kept item, or why it is a hole.
#[derive(Debug, Clone)]
pub(crate) struct ItemRow {
    pub(crate) key: Digest,
    pub(crate) object: std::result::Result<Object, String>,
}

/// Item key, object digest, object length; a hole has zeros for the object.
const ROW_BYTES: usize = 32 + 32 + 8;

impl ItemTable {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows.len() * ROW_BYTES);
        for row in &self.rows {
            bytes.extend_from_slice(row.key.as_bytes());
            let hole = Object {
                digest: Digest::from_bytes([0; 32]),
                bytes: 0,
            };
            let object = row.object.as_ref().unwrap_or(&hole);
            bytes.extend_from_slice(object.digest.as_bytes());
            bytes.extend_from_slice(&object.bytes.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn decode(
        bytes: &[u8],
        failed: &[(u64, String)],
    ) -> std::result::Result<Self, BoxError> {
        if !bytes.len().is_multiple_of(ROW_BYTES) {
            return Err(format!(
                "a table of {} bytes is not made of {ROW_BYTES}-byte rows",
                bytes.len()
            )
            .into());
        }
        let mut rows = Vec::with_capacity(bytes.len() / ROW_BYTES);
        for row in bytes.chunks_exact(ROW_BYTES) {
            let (key, object) = row.split_at(32);
            let (digest, length) = object.split_at(32);
            let object = Object {
                digest: Digest::from_bytes(digest.try_into()?),
                bytes: u64::from_le_bytes(length.try_into()?),
            };
            rows.push(ItemRow {
                key: Digest::from_bytes(key.try_into()?),
                object: Ok(object),
            });
        }
        for (position, cause) in failed {
            let row = rows
                .get_mut(*position as usize)
                .ok_or("a failed item lies outside the table")?;
            row.object = Err(cause.clone());
        }
        Ok(Self { rows })
    }

    /// The keys of the items that failed, in order.
    pub(crate) fn holes(&self) -> Vec<Digest> {
        self.rows
            .iter()
            .filter(|row| row.object.is_err())
            .map(|row| row.key)
            .collect()
    }
}

impl Disk {
    pub(crate) fn manifest_path(&self, key: &Digest) -> PathBuf {
        self.root.join("steps").join(sharded(key, ".json"))
    }

    pub(crate) fn manifest(&self, key: &Digest) -> Result<Option<Manifest>> {
        let manifest: Option<Manifest> = read_json(&self.manifest_path(key))?;
        Ok(manifest.filter(|manifest| manifest.key == *key))
    }

    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> Result<()> {
        self.write_json(&self.manifest_path(&manifest.key), manifest, Sync::ToDisk)
    }

    pub(crate) fn remove_manifest(&self, key: &Digest) -> Result<()> {
        disk::remove(&self.manifest_path(key))
    }

    /// The table of a kept collection, verified.
    pub(crate) fn item_table(&self, table: &Object, failed: &[(u64, String)]) -> Result<ItemTable> {
        let bytes = self.objects.read(table)?;
        ItemTable::decode(&bytes, failed).map_err(|cause| StoreError::Codec {
            action: "decode",
            type_tag: "item table".to_owned(),
            cause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_items_and_holes() {
        let object = Object {
            digest: Digest::of_bytes(b"x"),
            bytes: 1,
        };
        let rows = vec![
            ItemRow {
                key: Digest::of_bytes(b"a"),
                object: Ok(object),
            },
            ItemRow {
                key: Digest::of_bytes(b"b"),
                object: Err("unreadable".to_owned()),
            },
        ];
        let bytes = ItemTable { rows }.encode();
        let table = ItemTable::decode(&bytes, &[(1, "unreadable".to_owned())]).unwrap();
        assert_eq!(table.rows[0].object, Ok(object));
        assert_eq!(table.rows[1].object, Err("unreadable".to_owned()));
        assert_eq!(table.holes(), vec![Digest::of_bytes(b"b")]);
        assert!(ItemTable::decode(&bytes[1..], &[]).is_err());
    }
}
