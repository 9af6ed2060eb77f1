//! What a run will do: the key of every step, and what need not be computed.

use std::collections::HashMap;

use crate::digest::Digest;
use crate::error::{Error, StoreError};
use crate::graph::{Edge, Keep, Node, OnFailure, Slot, Work};
use crate::key;
use crate::store::{Disk, ItemTable, Manifest, Output, Store};

/// What a run will do about one node.
pub(crate) struct Planned {
    /// The node's key.
    pub(crate) key: Digest,
    /// The key its output goes by: the same, unless items failed the last time.
    pub(crate) output_key: Digest,
    /// Whether kept outputs are passed over: the node, or one before it, always runs.
    pub(crate) forced: bool,
    pub(crate) state: State,
}

pub(crate) enum State {
    /// It does not lead to any target.
    NotInvolved,
    /// Its value is at hand: an input, or computed before.
    AtHand(Slot),
    /// Its output is cached in memory.
    Cached(Slot),
    /// Its output is kept on disk.
    Kept(Box<KeptOutput>),
    /// Whatever needs it is kept or cached.
    Unneeded,
    /// It must be computed.
    Compute,
}

/// A manifest whose objects are all there.
pub(crate) struct KeptOutput {
    pub(crate) manifest: Manifest,
    /// For a collection.
    pub(crate) table: Option<ItemTable>,
}

/// Plans a run. `done` holds what an earlier wave of the same run has computed.
pub(crate) fn plan(
    nodes: &[Node],
    targets: &[usize],
    given: &HashMap<usize, Slot>,
    done: &HashMap<usize, Slot>,
    store: &Store,
) -> Result<Vec<Planned>, Error> {
    let involved = involved(nodes, targets);
    let mut planned: Vec<Planned> = Vec::with_capacity(nodes.len());
    let mut needed = vec![false; nodes.len()];
    for target in targets {
        needed[*target] = true;
    }
    for (index, node) in nodes.iter().enumerate() {
        let nothing = Digest::from_bytes([0; 32]);
        let mut entry = Planned {
            key: nothing,
            output_key: nothing,
            forced: false,
            state: State::NotInvolved,
        };
        if involved[index] {
            entry.key = match &node.work {
                Work::Constant(slot) => slot.key,
                Work::Input => {
                    given
                        .get(&index)
                        .ok_or_else(|| missing_input(nodes, &involved, index))?
                        .key
                }
                Work::Step(_) | Work::Each(_) => key::step_key(
                    node,
                    node.inputs
                        .iter()
                        .map(|(input, _)| planned[*input].output_key),
                ),
            };
            entry.output_key = entry.key;
            entry.state = State::Unneeded;
            entry.forced =
                node.always_run || node.inputs.iter().any(|(input, _)| planned[*input].forced);
            if let Some(slot) = done.get(&index) {
                entry.output_key = slot.key;
            } else if let Some(disk) = store.disk()
                && node.on_failure == OnFailure::Skip
                && node.keep == Keep::Disk
                && let Some(holes) = known_holes(disk, &entry.key)?
            {
                // They are tried again, even if what depends on them is kept.
                needed[index] |= !holes.is_empty();
                entry.output_key = key::with_holes(entry.key, &holes);
            }
        }
        planned.push(entry);
    }
    for index in (0..nodes.len()).rev() {
        if !needed[index] {
            continue;
        }
        let node = &nodes[index];
        let at_hand = match &node.work {
            Work::Constant(slot) => Some(slot),
            Work::Input => given.get(&index),
            Work::Step(_) | Work::Each(_) => done.get(&index),
        };
        planned[index].state = if let Some(slot) = at_hand {
            State::AtHand(slot.clone())
        } else {
            let found = if planned[index].forced {
                None
            } else {
                find(node, &planned[index].key, store)?
            };
            found.unwrap_or(State::Compute)
        };
        if matches!(planned[index].state, State::Compute) {
            node.inputs
                .iter()
                .for_each(|(input, _)| needed[*input] = true);
        }
    }
    Ok(planned)
}

/// Which nodes lead to a target.
pub(crate) fn involved(nodes: &[Node], targets: &[usize]) -> Vec<bool> {
    let mut involved = vec![false; nodes.len()];
    for target in targets {
        involved[*target] = true;
    }
    for index in (0..nodes.len()).rev() {
        if involved[index] {
            nodes[index]
                .inputs
                .iter()
                .for_each(|(input, _)| involved[*input] = true);
        }
    }
    involved
}

fn missing_input(nodes: &[Node], involved: &[bool], input: usize) -> Error {
    let needs = |node: &Node| node.inputs.iter().any(|(other, _)| *other == input);
    let needed_by = nodes
        .iter()
        .zip(involved)
        .find(|(node, involved)| **involved && needs(node));
    Error::MissingInput {
        name: nodes[input].name.to_string(),
        needed_by: needed_by.map_or_else(
            || "(a target itself)".to_owned(),
            |(node, _)| node.name.to_string(),
        ),
    }
}

/// The items known to fail, from the step's last run.
fn known_holes(disk: &Disk, key: &Digest) -> Result<Option<Vec<Digest>>, StoreError> {
    let Some(Manifest {
        output: Output::Items { table, failed, .. },
        ..
    }) = disk.manifest(key)?
    else {
        return Ok(None);
    };
    if failed.is_empty() || !disk.objects.has(&table)? {
        return Ok(None);
    }
    Ok(Some(disk.item_table(&table, &failed)?.holes()))
}

/// The node's output, if it is cached or kept.
fn find(node: &Node, key: &Digest, store: &Store) -> Result<Option<State>, StoreError> {
    if node.keep == Keep::Nowhere {
        return Ok(None);
    }
    if let Some(slot) = store.cached(key) {
        return Ok(Some(State::Cached(slot)));
    }
    match store.disk() {
        Some(disk) if node.keep == Keep::Disk => {
            Ok(find_kept(disk, node, key)?.map(|kept| State::Kept(Box::new(kept))))
        }
        _ => Ok(None),
    }
}

/// The kept output of `key`, if it is whole: every object there in full length.
///
/// Content is verified when it is read, so that planning stays quick.
pub(crate) fn find_kept(
    disk: &Disk,
    node: &Node,
    key: &Digest,
) -> Result<Option<KeptOutput>, StoreError> {
    let Some(manifest) = disk.manifest(key)? else {
        return Ok(None);
    };
    let readable = node.codec.as_ref().is_some_and(|codec| {
        (codec.type_tag)() == manifest.output.type_tag()
            && codec.items.is_some() == matches!(manifest.output, Output::Items { .. })
    });
    if !readable {
        return Ok(None);
    }
    let table = match &manifest.output {
        Output::Value { object, .. } => {
            if !disk.objects.has(object)? {
                return Ok(None);
            }
            None
        }
        Output::Items { table, failed, .. } => {
            if !failed.is_empty() || !disk.objects.has(table)? {
                return Ok(None);
            }
            let table = match disk.item_table(table, failed) {
                Err(StoreError::Damaged(_)) => return Ok(None),
                table => table?,
            };
            if !all_there(disk, &table)? {
                return Ok(None);
            }
            Some(table)
        }
    };
    Ok(Some(KeptOutput { manifest, table }))
}

fn all_there(disk: &Disk, table: &ItemTable) -> Result<bool, StoreError> {
    for row in &table.rows {
        if let Ok(object) = &row.object
            && !disk.objects.has(object)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How an `each` step that must be computed gives its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// All computed and held, or kept, before anything that needs them starts.
    Whole,
    /// Computed when the one step that needs them asks.
    Stream {
        /// Whether it asks by several ways, so that an item in hand is remembered.
        shared: bool,
    },
}

/// Decides which `each` steps stream: those whose items all end in one place,
/// so that each is computed once though none is held.
pub(crate) fn deliveries(nodes: &[Node], targets: &[usize], planned: &[Planned]) -> Vec<Delivery> {
    /// Where a node's items end.
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        Nobody,
        One(usize),
        Several,
    }
    let mut ends = vec![End::Nobody; nodes.len()];
    let mut askers = vec![0_u32; nodes.len()];
    let mut whole = vec![false; nodes.len()];
    let mut deliveries = vec![Delivery::Whole; nodes.len()];
    for target in targets {
        whole[*target] = true;
    }
    for index in (0..nodes.len()).rev() {
        let node = &nodes[index];
        if !matches!(planned[index].state, State::Compute) {
            continue;
        }
        if node.kind.is_each()
            && node.keep == Keep::Nowhere
            && !whole[index]
            && matches!(ends[index], End::One(_))
        {
            deliveries[index] = Delivery::Stream {
                shared: askers[index] > 1,
            };
        }
        let end = match deliveries[index] {
            Delivery::Stream { .. } => ends[index],
            Delivery::Whole => End::One(index),
        };
        for (input, edge) in node.inputs.iter() {
            askers[*input] += 1;
            // Beside every item it would be computed as often as there are items. And what takes
            // a collection with holes must know them for its key before it starts.
            whole[*input] |= *edge == Edge::Beside
                || (*edge == Edge::Value && nodes[*input].on_failure == OnFailure::Skip);
            ends[*input] = match ends[*input] {
                End::Nobody => end,
                same if same == end => end,
                _ => End::Several,
            };
        }
    }
    deliveries
}
