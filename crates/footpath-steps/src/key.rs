//! The key of a step: everything that decides its output.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Digester};
use crate::graph::{Kind, Node};

/// Raised when keys are put together in another way; old entries then count as missing.
const KEY_FORMAT: u32 = 1;

/// The parts of a step's key, as manifests keep them and `explain` compares them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyParts {
    /// What kind of step it is.
    pub kind: Kind,
    /// The transformer's explicit name.
    pub code: String,
    /// The version of its code.
    pub code_version: u32,
    /// Its parameters.
    pub config: serde_json::Value,
    /// Its seed, if it was given one.
    pub seed: Option<u64>,
    /// What feeds it, in order.
    pub inputs: Vec<InputPart>,
}

/// One input of a step, as part of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputPart {
    /// The name of the step or input it comes from; not part of the key.
    pub name: String,
    /// Its key.
    pub key: Digest,
}

fn code(digester: &mut Digester, node: &Node) {
    digester
        .integer(KEY_FORMAT)
        .str(&node.name)
        .str(node.kind.name())
        .str(node.code)
        .integer(node.version)
        .digest(&node.config_digest);
    match node.seed {
        Some(seed) => digester.list(1).integer(seed),
        None => digester.list(0),
    };
}

/// The key of a step fed by inputs with these keys.
pub(crate) fn step_key(node: &Node, inputs: impl ExactSizeIterator<Item = Digest>) -> Digest {
    let mut digester = Digester::new("step key");
    code(&mut digester, node);
    digester.list(inputs.len() as u64);
    for input in inputs {
        digester.digest(&input);
    }
    digester.finish()
}

/// What an item's key needs besides the item: the step, and its model if it applies one.
pub(crate) fn item_code(node: &Node, model: Option<Digest>) -> Digest {
    let mut digester = Digester::new("item code");
    code(&mut digester, node);
    match model {
        Some(model) => digester.list(1).digest(&model),
        None => digester.list(0),
    };
    digester.finish()
}

/// The key a collection goes by when some items failed: what takes it whole sees the holes.
pub(crate) fn with_holes(key: Digest, holes: &[Digest]) -> Digest {
    if holes.is_empty() {
        return key;
    }
    let mut digester = Digester::new("items but");
    digester.digest(&key).list(holes.len() as u64);
    for hole in holes {
        digester.digest(hole);
    }
    digester.finish()
}

/// The parts for `node`, fed by these named keys.
pub(crate) fn parts(node: &Node, inputs: Vec<InputPart>) -> KeyParts {
    KeyParts {
        kind: node.kind,
        code: node.code.to_owned(),
        code_version: node.version,
        config: node.config.to_json(),
        seed: node.seed,
        inputs,
    }
}
