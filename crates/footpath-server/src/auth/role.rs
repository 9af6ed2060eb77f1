//! Who calls, and what the caller may do where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a user may do in a project; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read everything.
    Viewer,
    /// Log runs, change and delete them; restorable.
    Editor,
    /// Delete for good, and give roles in the project.
    Admin,
}

impl Role {
    /// The role's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

/// The one who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user's name; empty where no one needs to say who they are.
    pub(crate) user: String,
    /// Whether the caller may do everything everywhere.
    pub(crate) everything: bool,
    /// Roles by project.
    pub(crate) roles: BTreeMap<String, Role>,
}

impl Caller {
    /// The caller of a server that asks no one who they are.
    pub(crate) fn local() -> Self {
        Self {
            user: String::new(),
            everything: true,
            roles: BTreeMap::new(),
        }
    }

    /// The caller of what is answered to everyone.
    pub(crate) fn nobody() -> Self {
        Self {
            user: String::new(),
            everything: false,
            roles: BTreeMap::new(),
        }
    }

    /// Whether the caller has at least a role in any project.
    pub(crate) fn may_somewhere(&self, role: Role) -> bool {
        self.everything || self.roles.values().any(|held| *held >= role)
    }

    /// Whether the caller has at least a role in a project.
    pub(crate) fn may(&self, role: Role, project: &str) -> bool {
        self.everything || self.roles.get(project).is_some_and(|held| *held >= role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_hold_in_their_project_alone_and_include_lesser_ones() {
        let caller = Caller {
            user: "ann".into(),
            everything: false,
            roles: BTreeMap::from([
                ("maps".into(), Role::Editor),
                ("roads".into(), Role::Viewer),
            ]),
        };
        assert!(caller.may(Role::Viewer, "maps") && caller.may(Role::Editor, "maps"));
        assert!(!caller.may(Role::Admin, "maps"));
        assert!(!caller.may(Role::Editor, "roads"));
        assert!(!caller.may(Role::Viewer, "default"));
        assert!(Caller::local().may(Role::Admin, "any"));
    }
}
