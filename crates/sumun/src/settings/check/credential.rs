//! What an upstream is shown: headers, tokens, variables, and who calls.

use std::collections::BTreeMap;

use gateway::upstream::{ForwardIdentity, UpstreamCredential};
use http::{HeaderName, HeaderValue};
use oauth::address::is_protected;
use oauth::scope::Scope;
use oauth::secret::Secret;
use url::Url;

use super::Check;
use super::upstream::http_url;
use crate::settings::place::Place;
use crate::settings::sounds_secret;
use crate::settings::upstream::{CredentialSection, UpstreamSection};

/// Headers that belong to the connection, or to MCP itself.
pub(super) const OUR_HEADERS: [&str; 12] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "transfer-encoding",
];

impl Check<'_> {
    pub(super) fn credential(
        &mut self,
        place: &Place,
        section: &UpstreamSection,
        headers: Option<BTreeMap<String, Secret>>,
    ) -> Option<UpstreamCredential> {
        for name in section.headers.keys() {
            let header = place.key("headers").key(name);
            let lower = name.to_ascii_lowercase();
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.refuse(&header, format!("`{name}` is no name of a header"));
            } else if OUR_HEADERS.contains(&&*lower) {
                self.refuse(
                    &header,
                    format!("the header `{name}` is written by the gateway: remove it"),
                );
            }
        }
        if let Some(credential) = &section.credential {
            if !section.headers.is_empty() {
                let message = "an upstream gets either `headers` or a token by client credentials: remove one \
                               of them";
                self.refuse(&place.key("credential"), message);
            }
            return self.client_credentials(&place.key("credential"), credential);
        }
        let headers = headers?;
        for (name, value) in &headers {
            if HeaderValue::from_str(value.expose()).is_err() {
                let header = place.key("headers").key(name);
                self.refuse(
                    &header,
                    format!("`{header}` holds what no header can: is there a line break?"),
                );
                return None;
            }
        }
        Some(if headers.is_empty() {
            UpstreamCredential::None
        } else {
            UpstreamCredential::Headers(headers.into_iter().collect())
        })
    }

    fn client_credentials(
        &mut self,
        place: &Place,
        section: &CredentialSection,
    ) -> Option<UpstreamCredential> {
        let endpoint = match &section.token_endpoint {
            Some(url) => http_url(url).and_then(|url| {
                let is_safe = is_protected(url.as_str());
                is_safe.then_some(url).ok_or_else(|| {
                    "our secret would cross the network in the clear: write an https address"
                        .to_owned()
                })
            }),
            None => Err(
                "write where tokens are issued, such as https://id.example.com/token".to_owned(),
            ),
        };
        let endpoint = self.accept(&place.key("token_endpoint"), endpoint);
        let client_id = section
            .client_id
            .clone()
            .ok_or("write our client identifier there");
        let client_id = self.accept(&place.key("client_id"), client_id);
        let (secret_place, file_place) =
            (place.key("client_secret"), place.key("client_secret_file"));
        let (written, file) = (
            section.client_secret.as_ref(),
            section.client_secret_file.as_deref(),
        );
        if written.is_none() && file.is_none() {
            let message =
                "client credentials need a secret: add `client_secret` or `client_secret_file`";
            self.refuse(place, message);
        }
        let secret = self.secret(&secret_place, written, file, &file_place);
        let scope = self.accept(&place.key("scope"), Scope::from_tokens(&section.scope));
        Some(UpstreamCredential::ClientCredentials {
            token_endpoint: endpoint?,
            client_id: client_id?,
            client_secret: secret?,
            scope: scope?,
            resource: section.resource.clone(),
        })
    }

    pub(super) fn forward_identity(
        &mut self,
        place: &Place,
        section: &UpstreamSection,
    ) -> Result<Option<ForwardIdentity>, ()> {
        let Some(forward) = &section.forward_identity else {
            return Ok(None);
        };
        let place = place.key("forward_identity").key("header");
        let header = &forward.header;
        let is_ours = |known: &&str| known.eq_ignore_ascii_case(header);
        if HeaderName::from_bytes(header.as_bytes()).is_err() || OUR_HEADERS.iter().any(is_ours) {
            self.refuse(
                &place,
                format!("`{header}` cannot be used: write a header such as Sumun-Identity"),
            );
            return Err(());
        }
        if section
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case(header))
        {
            self.refuse(
                &place,
                format!("`{header}` stands in `headers`, too: remove one of them"),
            );
            return Err(());
        }
        Ok(Some(ForwardIdentity {
            header: header.clone(),
            audience: forward
                .audience
                .clone()
                .or(section.url.clone())
                .unwrap_or_default(),
        }))
    }

    /// Credentials are worth nothing once they cross a network in the clear.
    pub(super) fn in_the_clear(&mut self, place: &Place, section: &UpstreamSection) {
        let url = section.url.as_deref().and_then(|url| Url::parse(url).ok());
        let Some(url) = url.filter(|url| url.scheme() == "http" && !is_protected(url.as_str()))
        else {
            return;
        };
        // What stands in the address crosses the network with it: keys of an API often stand there.
        let has_credential = !section.headers.is_empty()
            || url.query().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
            || section.credential.is_some()
            || section.user_token.is_some()
            || section.forward_identity.is_some();
        if has_credential && !section.insecure_http {
            let message = format!(
                "credentials for {} would cross the network in the clear: write an https address, or \
                 insecure_http = true if that network is yours alone",
                url.host_str().unwrap_or_default()
            );
            self.refuse(&place.key("url"), message);
        }
    }

    /// Values in which `${NAME}` stands for a variable of our environment.
    pub(super) fn values(
        &mut self,
        place: &Place,
        written: &BTreeMap<String, Secret>,
    ) -> Option<BTreeMap<String, Secret>> {
        let mut values = BTreeMap::new();
        let mut is_good = true;
        for (name, value) in written {
            let here = place.key(name);
            if self.source.readable_by_all && sounds_secret(name) && !value.expose().contains("${")
            {
                let file = self.source.name;
                let message = format!(
                    "`{here}` stands in a file that everybody on this machine can read: chmod o-r {file}, \
                     or write \"${{NAME}}\" and set that environment variable"
                );
                self.refuse(&here, message);
                is_good = false;
                continue;
            }
            let filled = fill(value.expose(), |name| self.environment.get(name));
            match self.accept(&here, filled) {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None => is_good = false,
            }
        }
        is_good.then_some(values)
    }
}

/// `text` with every `${NAME}` replaced. Nothing of a value is in the message.
fn fill<'e>(text: &str, variable: impl Fn(&str) -> Option<&'e str>) -> Result<Secret, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err("`${` is not closed: write ${NAME}".to_owned());
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(
                "between `${` and `}` stands the name of an environment variable".to_owned(),
            );
        }
        let value = variable(name).filter(|value| !value.is_empty());
        let value =
            value.ok_or_else(|| format!("the environment variable {name} is not set: set it"))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(Secret::from(filled))
}
