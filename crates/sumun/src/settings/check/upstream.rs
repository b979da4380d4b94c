//! An upstream: its name, how it is reached, and what it is shown.

use std::collections::BTreeMap;
use std::path::Path;

use gateway::Revision;
use gateway::upstream::{
    Children, ForwardIdentity, Transport, UpstreamCredential, UpstreamSettings,
};
use http::{HeaderName, HeaderValue};
use oauth::issuer::Issuer;
use oauth::scope::Scope;
use oauth::secret::Secret;
use url::Url;

use super::Check;
use super::address::is_loopback;
use super::server::check_path;
use crate::settings::place::Place;
use crate::settings::upstream::{CredentialSection, UpstreamSection};
use crate::settings::{Upstream, size, sounds_secret};

/// Longer names leave too little of the 64 letters that clients allow for `name` and tool together.
const LONGEST_NAME: usize = 32;

/// Headers that belong to the connection, or to MCP itself.
const OUR_HEADERS: [&str; 12] = [
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
    pub(super) fn upstream(
        &mut self,
        issuer: &Issuer,
        place: &Place,
        section: &UpstreamSection,
    ) -> Option<Upstream> {
        let name = self.accept(&place.key("name"), upstream_name(section.name.as_deref()));
        let transport = self.transport(place, section);
        let headers = self.values(&place.key("headers"), &section.headers);
        let credential = self.credential(place, section, headers);
        let forward_identity = self.forward_identity(place, section);
        self.in_the_clear(place, section);
        let revision = section.revision.as_deref();
        let revision = revision.map(|text| self.parse::<Revision>(&place.key("revision"), text));
        let timeout = self.at_least_a_second(&place.key("timeout"), &section.timeout);
        let max_message = self.size(&place.key("max_message"), &section.max_message);
        let name = name?;
        let title = section.title.clone().unwrap_or_else(|| name.clone());
        let path = format!("/{name}/mcp");
        let endpoint = self.guarded(issuer, place, section, &section.dpop, path, title)?;
        Some(Upstream {
            settings: UpstreamSettings {
                name,
                title: section.title.clone(),
                transport: transport?,
                revision: match revision {
                    Some(revision) => Some(revision?),
                    None => None,
                },
                timeout: timeout?,
                max_message_bytes: usize::try_from(max_message?).unwrap_or(usize::MAX),
                credential: credential?,
                forward_identity: forward_identity.ok()?,
                refuse_changed_tools: section.refuse_changed_tools,
            },
            endpoint,
            is_federated: section.federated,
        })
    }

    fn transport(&mut self, place: &Place, section: &UpstreamSection) -> Option<Transport> {
        let word = section.transport.as_str();
        if !["auto", "http", "sse", "stdio"].contains(&word) {
            let message = format!("`{word}` is no transport: write auto, http, sse or stdio");
            self.refuse(&place.key("transport"), message);
            return None;
        }
        match (&section.url, &section.command) {
            (Some(_), Some(_)) => {
                let message = "an upstream has either a `url` or a `command`: remove one of them";
                self.refuse(&place.key("command"), message);
                None
            }
            (None, None) => {
                let message = "this upstream cannot be reached: add the `url` of its MCP endpoint, or the \
                               `command` that starts it";
                self.refuse(place, message);
                None
            }
            (Some(url), None) => {
                self.only_for_commands(place, section);
                if word == "stdio" {
                    let message = "an upstream with a `url` is not reached over stdio: write auto, http or \
                                   sse, or give it a `command`";
                    self.refuse(&place.key("transport"), message);
                }
                let url = self.accept(&place.key("url"), http_url(url))?;
                let sse = match word {
                    "sse" => Some(true),
                    "http" => Some(false),
                    _ => None,
                };
                Some(Transport::Http { url, sse })
            }
            (None, Some(command)) => {
                if word != "auto" && word != "stdio" {
                    let message = "an upstream with a `command` is reached over stdio: write auto or stdio, \
                                   or give it a `url`";
                    self.refuse(&place.key("transport"), message);
                }
                self.stdio(place, section, command)
            }
        }
    }

    /// Who writes these keys believes that a process of ours is limited, which there is not.
    fn only_for_commands(&mut self, place: &Place, section: &UpstreamSection) {
        let keys = [
            ("args", !section.args.is_empty()),
            ("env", !section.env.is_empty()),
            ("directory", section.directory.is_some()),
            ("max_memory", section.max_memory.is_some()),
            ("max_open_files", section.max_open_files.is_some()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
            let message =
                format!("`{key}` is for upstreams with a `command`: remove it, or write a command");
            self.refuse(&place.key(key), message);
        }
    }

    fn stdio(
        &mut self,
        place: &Place,
        section: &UpstreamSection,
        command: &str,
    ) -> Option<Transport> {
        let command = self.accept(&place.key("command"), check_command(command, &section.args));
        for (key, is_set) in [
            ("headers", !section.headers.is_empty()),
            ("credential", section.credential.is_some()),
            ("forward_identity", section.forward_identity.is_some()),
        ] {
            if is_set {
                let message = format!(
                    "`{key}` is for upstreams with a `url`, since a program gets no headers: pass secrets \
                     in `env`"
                );
                self.refuse(&place.key(key), message);
            }
        }
        for name in section.env.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                let message = format!("`{name}` is no name of an environment variable");
                self.refuse(&place.key("env").key(name), message);
            }
        }
        let env = self.values(&place.key("env"), &section.env);
        let children = match section.children.as_str() {
            "per-session" => Ok(Children::PerSession),
            "per-user" => Ok(Children::PerUser),
            "shared" => Ok(Children::Shared),
            other => Err(format!(
                "`{other}` is no answer: write per-session, per-user or shared"
            )),
        };
        let children = self.accept(&place.key("children"), children);
        let idle = self.at_least_a_second(&place.key("idle"), &section.idle);
        let max_memory = section.max_memory.as_deref();
        let max_memory = max_memory.map(|text| self.size(&place.key("max_memory"), text));
        if section.max_children == 0 {
            self.refuse(
                &place.key("max_children"),
                "without a process nobody is served: write at least 1",
            );
        }
        Some(Transport::Stdio {
            command: command?,
            args: section.args.clone(),
            env: env?.into_iter().collect(),
            directory: section
                .directory
                .as_ref()
                .map(|path| self.source.directory.join(path)),
            children: children?,
            idle: idle?,
            max_children: usize::try_from(section.max_children).unwrap_or(usize::MAX),
            max_memory_bytes: match max_memory {
                Some(size) => Some(size?),
                None => None,
            },
            max_open_files: section.max_open_files,
        })
    }

    fn credential(
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
                let is_safe = url.scheme() == "https" || is_loopback(&url);
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

    fn forward_identity(
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
    fn in_the_clear(&mut self, place: &Place, section: &UpstreamSection) {
        let url = section.url.as_deref().and_then(|url| Url::parse(url).ok());
        let Some(url) = url.filter(|url| url.scheme() == "http" && !is_loopback(url)) else {
            return;
        };
        let has_credential = !section.headers.is_empty()
            || section.credential.is_some()
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
    fn values(
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

    pub(super) fn size(&mut self, place: &Place, text: &str) -> Option<u64> {
        let size = size::parse(text).filter(|size| *size > 0);
        let size =
            size.ok_or_else(|| format!("`{text}` is no size: write it as 64KiB, 16MiB or 2GiB"));
        self.accept(place, size)
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

/// The name is a path, the beginning of tool names, and what rules say.
fn upstream_name(name: Option<&str>) -> Result<String, String> {
    let hint = "write lower-case letters, digits and single hyphens, such as context7";
    let Some(name) = name else {
        return Err(format!("this upstream has no name: {hint}"));
    };
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if !name.split('-').all(is_part) {
        return Err(format!("`{name}` is no name for an upstream: {hint}"));
    }
    if name.len() > LONGEST_NAME {
        return Err(format!(
            "`{name}` is longer than {LONGEST_NAME} letters, and clients allow 64 for it and a tool together"
        ));
    }
    check_path(format!("/{name}/mcp"))?;
    Ok(name.to_owned())
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("write an address that begins with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "an address with a name and password in it ends up in logs: use `headers`".to_owned(),
        );
    }
    if url.fragment().is_some() {
        return Err("an address of a server has no `#`: remove what follows it".to_owned());
    }
    Ok(url)
}

fn check_command(command: &str, args: &[String]) -> Result<String, String> {
    if command.is_empty() {
        return Err("write the program to start".to_owned());
    }
    if command.contains(char::is_whitespace) && !Path::new(command).is_file() {
        return Err(
            "no shell is involved: write the program alone, and what follows it in `args`"
                .to_owned(),
        );
    }
    if command.contains('/') && !command.starts_with('/') {
        return Err(
            "a path to a program must be absolute, or it depends on where we were started"
                .to_owned(),
        );
    }
    let program = command.rsplit('/').next().unwrap_or(command);
    let is_containers = matches!(program, "docker" | "podman" | "nerdctl");
    if is_containers && let Some(verb @ ("run" | "exec")) = args.first().map(String::as_str) {
        container(verb, &args[1..])?;
    }
    Ok(command.to_owned())
}

/// Options of container programs whose value is the next word.
const WITH_VALUE: [&str; 24] = [
    "--add-host",
    "--cap-add",
    "--cap-drop",
    "--cpus",
    "--entrypoint",
    "--env",
    "--env-file",
    "--hostname",
    "--label",
    "--memory",
    "--mount",
    "--name",
    "--network",
    "--platform",
    "--pull",
    "--security-opt",
    "--user",
    "--volume",
    "--workdir",
    "-e",
    "-p",
    "-u",
    "-v",
    "-w",
];

/// A container must keep its input open, and must not have a terminal in between.
fn container(verb: &str, args: &[String]) -> Result<(), String> {
    let is_flag = |arg: &str, short: char, long: &str| {
        let letters = arg.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        let is_short = letters.is_some_and(|letters| letters.len() <= 3 && letters.contains(short));
        is_short || arg == long || arg.strip_prefix(long) == Some("=true")
    };
    if !args.iter().any(|arg| is_flag(arg, 'i', "--interactive")) {
        return Err(format!(
            "`{verb}` without -i closes the program's input at once: add \"-i\" to `args`"
        ));
    }
    // What follows the image belongs to the program in it.
    let mut words = args.iter().map(String::as_str);
    while let Some(word) = words.next().filter(|word| word.starts_with('-')) {
        if is_flag(word, 't', "--tty") {
            return Err("a terminal changes what is sent: remove \"-t\" from `args`".to_owned());
        }
        if WITH_VALUE.contains(&word) {
            words.next();
        }
    }
    Ok(())
}
