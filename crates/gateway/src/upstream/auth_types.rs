//! Whose credential a request to an upstream carries, by what it asks for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use delegation::AuthType;

use crate::json::Object;
use crate::message::Request;
use crate::policy::Glob;

/// The auth types of one upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthTypes {
    usual: AuthType,
    /// The first one that matches counts.
    by_tool: Vec<(Glob, AuthType)>,
}

/// The credential of the gateway, wherever there is one.
impl Default for AuthTypes {
    fn default() -> Self {
        Self::new(AuthType::ServiceAccount, BTreeMap::new())
    }
}

impl AuthTypes {
    /// `usual` for everything that is no call of a tool in `by_tool`, which holds names and patterns of
    /// names (`get-*`). A name counts before a pattern, and a longer pattern before a shorter one.
    pub fn new(usual: AuthType, by_tool: BTreeMap<String, AuthType>) -> Self {
        let mut by_tool: Vec<_> = by_tool.into_iter().collect();
        by_tool.sort_by_key(|(tool, _)| (tool.contains('*'), Reverse(tool.len())));
        let by_tool = by_tool.iter().map(|(tool, kind)| (Glob::new(tool), *kind));
        Self {
            usual,
            by_tool: by_tool.collect(),
        }
    }

    /// The auth type of what is no call of a tool.
    pub fn usual(&self) -> AuthType {
        self.usual
    }

    /// Whether anything is of this type.
    pub fn any(&self, auth_type: AuthType) -> bool {
        self.usual == auth_type || self.by_tool.iter().any(|(_, other)| *other == auth_type)
    }

    /// Whether all requests are of one type, whoever calls.
    pub(super) fn is_uniform(&self) -> bool {
        self.by_tool.is_empty() && self.usual != AuthType::UserToken
    }

    /// The auth type of a request.
    pub(super) fn of(&self, request: &Request) -> AuthType {
        if request.method != "tools/call" || self.by_tool.is_empty() {
            return self.usual;
        }
        let params = request.params.as_deref().and_then(Object::of);
        let name = params.as_ref().and_then(|params| params.text("name"));
        name.map_or(self.usual, |name| self.of_tool(&name))
    }

    fn of_tool(&self, name: &str) -> AuthType {
        let mut known = self.by_tool.iter();
        let found = known.find(|(tool, _)| tool.matches(name));
        found.map_or(self.usual, |(_, auth_type)| *auth_type)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::raw;

    fn types(by_tool: &[(&str, AuthType)]) -> AuthTypes {
        let own = |(tool, auth_type): &(&str, AuthType)| ((*tool).to_owned(), *auth_type);
        AuthTypes::new(AuthType::None, by_tool.iter().map(own).collect())
    }

    #[test]
    fn a_name_counts_before_a_pattern_and_the_longer_one_before_the_shorter() {
        let types = types(&[
            ("*", AuthType::UserToken),
            ("get-*", AuthType::ServiceAccount),
            ("get-time", AuthType::None),
        ]);
        assert_eq!(types.of_tool("get-time"), AuthType::None);
        assert_eq!(types.of_tool("get-errors"), AuthType::ServiceAccount);
        assert_eq!(types.of_tool("update"), AuthType::UserToken);
    }

    #[test]
    fn only_calls_of_tools_have_a_type_of_their_own() {
        let types = types(&[("*", AuthType::UserToken)]);
        let request = |method: &str, params: serde_json::Value| Request {
            method: method.to_owned(),
            params: Some(raw(&params)),
        };
        let call = request("tools/call", json!({"name": "update"}));
        assert_eq!(types.of(&call), AuthType::UserToken);
        let prompt = request("prompts/get", json!({"name": "update"}));
        assert_eq!(types.of(&prompt), AuthType::None);
        let nameless = request("tools/call", json!({"arguments": {}}));
        assert_eq!(types.of(&nameless), AuthType::None);
    }
}
