//! The dotted name of the parameter a module traversal is at.

/// A stack of module names, joined as in PyTorch's state dict: `encoder.layer1.0.conv1.weight`.
#[derive(Debug, Default)]
pub(crate) struct ParameterPath(Vec<String>);

impl ParameterPath {
    /// Goes into a field. Burn also enters enum variants; PyTorch has no such level.
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        if !is_variant(container) {
            // A raw identifier (`r#final`) escapes a Rust keyword and is not part of the name.
            self.0.push(name.trim_start_matches("r#").to_owned());
        }
    }

    /// Leaves what was entered last.
    pub(crate) fn exit(&mut self, container: &str) {
        if !is_variant(container) {
            self.0.pop();
        }
    }

    /// The name at this place.
    pub(crate) fn name(&self) -> String {
        self.0.join(".")
    }
}

fn is_variant(container: &str) -> bool {
    container.starts_with("Enum:")
}
