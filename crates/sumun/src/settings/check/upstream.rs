//! An upstream: its name, and how it is reached.

use gateway::Revision;
use gateway::upstream::{AuthTypes, Children, Transport, UpstreamSettings};
use oauth::issuer::Issuer;
use url::Url;

use super::Check;
use super::program::{check_command, check_container};
use super::server::check_path;
use crate::settings::place::Place;
use crate::settings::taken::{LONGEST_UPSTREAM, path_of_upstream};
use crate::settings::upstream::UpstreamSection;
use crate::settings::{Upstream, size};

/// How many processes of an upstream one person may have, unless the operator says it.
const SHARE: u64 = 16;

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
        let path = path_of_upstream(&name);
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
                // They follow when the identity providers are known.
                auth_types: AuthTypes::default(),
                user_token: None,
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
        written: &str,
    ) -> Option<Transport> {
        let command = self.accept(&place.key("command"), check_command(written));
        let are_shared = section.children == "shared";
        let container = check_container(written, &section.args, are_shared);
        self.accept(&place.key("args"), container);
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
        let share = section.max_children_per_user;
        let share = share.unwrap_or(SHARE.min(section.max_children.div_ceil(2)));
        if section.max_children_per_user == Some(0) || share > section.max_children {
            self.refuse(
                &place.key("max_children_per_user"),
                format!(
                    "one person has at least 1 process, and no more than there may be: write 1 to {}",
                    section.max_children
                ),
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
            max_children_per_user: usize::try_from(share).unwrap_or(usize::MAX),
            max_memory_bytes: match max_memory {
                Some(size) => Some(size?),
                None => None,
            },
            max_open_files: section.max_open_files,
        })
    }

    pub(super) fn size(&mut self, place: &Place, text: &str) -> Option<u64> {
        let size = size::parse(text).filter(|size| *size > 0);
        let size =
            size.ok_or_else(|| format!("`{text}` is no size: write it as 64KiB, 16MiB or 2GiB"));
        self.accept(place, size)
    }
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
    if name.len() > LONGEST_UPSTREAM {
        return Err(format!(
            "`{name}` is longer than {LONGEST_UPSTREAM} letters, and clients allow 64 for it and a tool together"
        ));
    }
    check_path(path_of_upstream(name))?;
    Ok(name.to_owned())
}

pub(super) fn http_url(text: &str) -> Result<Url, String> {
    // What is no address is not shown: it may hold a key all the same, and messages end up in logs.
    let no_address = |error| {
        format!("this is no address ({error}): write one such as https://docs.example.com/mcp")
    };
    let url = Url::parse(text).map_err(no_address)?;
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
