//! What a token is for: resource and scope of a request, resolved together (RFC 8707, RFC 6749 §3.3).

use oauth::error::OAuthError;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::Catalog;
use crate::error::EndpointError;
use crate::reason::Reason;
use crate::settings::Resource;
use crate::text::identity_scope;

/// A resource, and the part of the requested scope that means something to it.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) scope: Scope,
}

impl Catalog {
    /// Resolves the parameters `resource` and `scope`.
    ///
    /// Clients of MCP 2025-03-26 send no `resource`: then the scope says which resource is meant,
    /// and where it does not, the first one is. A request without scope asks for all there is;
    /// scopes that nobody knows are left out (RFC 6749 §3.3 lets a server ignore part of a scope),
    /// unless nothing else was asked for.
    pub(crate) fn target(
        &self,
        resource: Option<&str>,
        scope: Option<&str>,
    ) -> Result<Target<'_>, EndpointError> {
        let refused =
            |text: &str| EndpointError::new(Reason::ScopeRefused, OAuthError::invalid_scope(text));
        let asked: Scope = scope
            .unwrap_or_default()
            .parse()
            .map_err(|_| refused("the scope holds a character that RFC 6749 does not allow"))?;
        let resource = match resource {
            Some(text) => self.named_resource(text)?,
            None => self.implied_resource(&asked),
        };
        let offered =
            |token: &&str| resource.scopes.contains(token) || identity_scope(token).is_some();
        let scope = if asked.is_empty() {
            resource.scopes.clone()
        } else if asked == resource.scopes {
            asked.clone()
        } else {
            Scope::from_tokens(asked.iter().filter(offered))
                .expect("a part of a well-formed scope is well-formed")
        };
        if !asked.is_empty() && scope.is_empty() {
            let text = format!("no such scope for {}: {asked}", resource.indicator);
            return Err(refused(&text));
        }
        Ok(Target { resource, scope })
    }

    fn named_resource(&self, text: &str) -> Result<&Resource, EndpointError> {
        let refused = |text: &str| {
            EndpointError::new(Reason::ResourceRefused, OAuthError::invalid_target(text))
        };
        let indicator =
            ResourceIndicator::parse(text).map_err(|error| refused(&error.to_string()))?;
        self.resource(&indicator).ok_or_else(|| {
            refused(&format!(
                "{indicator} is not a resource that this server issues tokens for"
            ))
        })
    }

    fn implied_resource(&self, asked: &Scope) -> &Resource {
        let shared = |resource: &&Resource| {
            let scopes = asked.intersection(&resource.scopes);
            scopes.iter().any(|token| identity_scope(token).is_none())
        };
        let first = || {
            self.resources
                .first()
                .expect("settings were checked: there is a resource")
        };
        self.resources.iter().find(shared).unwrap_or_else(first)
    }
}

#[cfg(test)]
mod tests {
    use oauth::error::ErrorCode;
    use oauth::issuer::Issuer;

    use super::*;
    use crate::catalog::additions::Additions;
    use crate::settings::Settings;

    fn catalog() -> Catalog {
        let resource = |name: &str, scopes: &str| Resource {
            indicator: ResourceIndicator::parse(&format!("https://a.example/{name}")).unwrap(),
            name: name.to_owned(),
            scopes: scopes.parse().unwrap(),
        };
        let resources = vec![
            resource("whoami", "openid profile"),
            resource("todo", "read write"),
        ];
        let issuer = Issuer::parse("https://a.example").unwrap();
        Catalog::new(&Settings::new(issuer, resources), &Additions::none())
    }

    #[track_caller]
    fn check(resource: Option<&str>, scope: Option<&str>, name: &str, expected: &str) {
        let catalog = catalog();
        let target = catalog.target(resource, scope).unwrap();
        assert_eq!(
            (
                target.resource.name.as_str(),
                target.scope.to_string().as_str()
            ),
            (name, expected)
        );
    }

    #[test]
    fn a_request_is_resolved_to_one_resource_and_its_scopes() {
        check(None, None, "whoami", "openid profile");
        check(None, Some("write"), "todo", "write");
        check(None, Some("openid email"), "whoami", "email openid");
        check(Some("https://a.example/todo"), None, "todo", "read write");
        check(
            Some("HTTPS://A.example/todo"),
            Some("read openid x"),
            "todo",
            "openid read",
        );
    }

    #[test]
    fn a5_unknown_resources_and_scopes_are_refused() {
        let code = |resource, scope| catalog().target(resource, scope).unwrap_err().error.code;
        assert_eq!(
            code(Some("https://b.example/"), None),
            ErrorCode::InvalidTarget
        );
        assert_eq!(code(Some("todo"), None), ErrorCode::InvalidTarget);
        assert_eq!(code(None, Some("nothing")), ErrorCode::InvalidScope);
        assert_eq!(code(None, Some("a\"b")), ErrorCode::InvalidScope);
    }
}
