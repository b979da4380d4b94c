//! One server of a client's settings as a section of ours.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::client_settings::ClientServer;
use super::secret::{in_program, in_url, looks_secret};
use crate::settings::sounds_secret;
use crate::settings::taken::{LONGEST_UPSTREAM, owner_of, path_of_upstream};

/// A name as upstreams have it: lower-case letters, digits and single hyphens.
pub(super) fn slug(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let letters: String = name.chars().map(letter).collect();
    let parts: Vec<_> = letters.split('-').filter(|part| !part.is_empty()).collect();
    let mut slug = parts.join("-");
    slug.truncate(LONGEST_UPSTREAM);
    let slug = slug.trim_end_matches('-');
    match slug {
        "" => "upstream".to_owned(),
        reserved if owner_of(&path_of_upstream(reserved)).is_some() => format!("{reserved}-server"),
        slug => slug.to_owned(),
    }
}

/// The name, or the next one like it that is free.
pub(super) fn free(slug: String, taken: &BTreeSet<String>) -> String {
    if !taken.contains(&slug) {
        return slug;
    }
    let numbered = (2..).map(|n| {
        let end = format!("-{n}");
        let kept = &slug[..slug.len().min(LONGEST_UPSTREAM - end.len())];
        format!("{}{end}", kept.trim_end_matches('-'))
    });
    let mut free = numbered.filter(|name| !taken.contains(name));
    free.next()
        .unwrap_or_else(|| unreachable!("there are numbers without end"))
}

/// The section, or a note why there is none.
pub(super) fn section(
    slug: &str,
    server: &ClientServer,
    from: &str,
    notes: &mut Vec<String>,
) -> Option<String> {
    let name = &server.name;
    if let Some(refusal) = refusal(server) {
        notes.push(format!("`{name}` is left out: {refusal}"));
        return None;
    }
    let mut lines = vec![format!("name = {}", quoted(slug))];
    if slug != name {
        lines.push(format!("title = {}", quoted(name)));
    }
    match (&server.command, &server.url) {
        (Some(command), None) => program(slug, server, command, &mut lines, notes),
        (None, Some(url)) => address(slug, server, url, &mut lines, notes),
        _ => return None,
    }
    if !server.ignored.is_empty() {
        notes.push(format!(
            "of `{name}`, these keys mean nothing here: {}",
            server.ignored.join(", ")
        ));
    }
    let mut text = format!("\n# From {}: {}\n[[upstreams]]\n", plain(from), plain(name));
    for line in lines {
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    }
    write!(
        text,
        "\n# Everybody who can sign in may use it. Add roles = [\"…\"] or scopes = [\"…\"] for fewer.\n\
         [[policy.rules]]\nupstream = {}\n",
        quoted(slug)
    )
    .expect("writing to a string cannot fail");
    Some(text)
}

/// Why a server has no section. Arguments and addresses take no references, so what holds a secret there
/// would have to be written with it.
fn refusal(server: &ClientServer) -> Option<String> {
    match (&server.command, &server.url) {
        (Some(command), None) => in_program(command, &server.args).map(|place| {
            format!(
                "{place}, and no secret is written: add the section yourself, with the secret in `env` if the \
                 program takes it from there (everybody on the machine sees arguments)"
            )
        }),
        (None, Some(url)) => in_url(url).map(|place| {
            format!(
                "its url holds what looks like a secret {place}, and no secret is written: add the section \
                 yourself, with the secret in `headers` if the server takes it from there (addresses end up in logs)"
            )
        }),
        _ => Some("it has neither a command nor a url, or both".to_owned()),
    }
}

fn program(
    slug: &str,
    server: &ClientServer,
    command: &str,
    lines: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    lines.push(format!("command = {}", quoted(command)));
    if !server.args.is_empty() {
        let args: Vec<_> = server.args.iter().map(|arg| quoted(arg)).collect();
        lines.push(format!("args = [{}]", args.join(", ")));
    }
    if server.args.iter().any(|arg| arg.contains("${")) {
        notes.push(format!(
            "`args` of `{slug}` hold `${{…}}`, which is not replaced there: write the value, or use `env`"
        ));
    }
    values("env", slug, &server.env, lines, notes);
    if let Some(directory) = &server.directory {
        lines.push(format!("directory = {}", quoted(directory)));
        if directory.contains("${") {
            notes.push(format!(
                "`directory` of `{slug}` holds `${{…}}`: write the path"
            ));
        }
    }
}

fn address(
    slug: &str,
    server: &ClientServer,
    url: &str,
    lines: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    lines.push(format!("url = {}", quoted(url)));
    if url.contains("${") {
        notes.push(format!(
            "`url` of `{slug}` holds `${{…}}`, which is not replaced there: write the address"
        ));
    }
    match server.transport.as_deref() {
        Some("sse") => lines.push("transport = \"sse\"".to_owned()),
        Some("http" | "streamable-http" | "streamableHttp") => {
            lines.push("transport = \"http\"".to_owned());
        }
        None => {}
        Some(other) => notes.push(format!(
            "`{slug}` has the unknown type `{other}`, which is left out"
        )),
    }
    values("headers", slug, &server.headers, lines, notes);
    if server.headers.is_empty() {
        notes.push(format!(
            "`{slug}` gets no credentials: if your client signed in there, give it `headers` or \
             [upstreams.credential]"
        ));
    }
}

/// Variables or headers. Nothing that may be a secret is written: a variable stands in its place.
fn values(
    key: &str,
    slug: &str,
    values: &[(String, String)],
    lines: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    if values.is_empty() {
        return;
    }
    let mut members = Vec::new();
    for (name, value) in values {
        let written = if value.contains("${") {
            placeholders(value, slug, name, notes)
        } else if sounds_secret(name) || looks_secret(value) {
            let variable = variable(key, slug, name);
            notes.push(format!(
                "set the environment variable {variable}: its value stands in the client's settings, at \
                 {key}.{name} of `{slug}`"
            ));
            match value.split_once(' ') {
                // The scheme is no secret.
                Some((scheme @ ("Bearer" | "bearer" | "Basic" | "Token"), _)) => {
                    notes.pop();
                    notes.push(format!(
                        "set the environment variable {variable}: its value stands in the client's settings, \
                         behind `{scheme}` at {key}.{name} of `{slug}`"
                    ));
                    format!("{scheme} ${{{variable}}}")
                }
                _ => format!("${{{variable}}}"),
            }
        } else {
            value.clone()
        };
        members.push(format!("{} = {}", bare(name), quoted(&written)));
    }
    lines.push(format!("{key} = {{ {} }}", members.join(", ")));
}

/// A variable of the program keeps its name; a header gets one that says whose it is.
fn variable(key: &str, slug: &str, name: &str) -> String {
    let name = if key == "env" {
        name.to_owned()
    } else {
        format!("{slug}_{name}")
    };
    as_variable(&name)
}

fn as_variable(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    name.chars().map(letter).collect()
}

/// Placeholders of clients as ours: `${env:NAME}`, `${input:id}`, `${NAME:-default}`.
fn placeholders(value: &str, slug: &str, key: &str, notes: &mut Vec<String>) -> String {
    let (mut written, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) = after.split_once('}').unwrap_or((after, ""));
        written.push_str(before);
        rest = after;
        let name = if let Some(id) = inside.strip_prefix("input:") {
            let name = as_variable(id);
            notes.push(format!(
                "set the environment variable {name}: the client asked for `{id}`, for {key} of `{slug}`"
            ));
            name
        } else if let Some(name) = inside.strip_prefix("env:") {
            name.to_owned()
        } else if let Some((name, _)) = inside.split_once(":-") {
            notes.push(format!(
                "set the environment variable {name}: there are no defaults here"
            ));
            name.to_owned()
        } else if inside
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        {
            inside.to_owned()
        } else {
            notes.push(format!(
                "`${{{inside}}}` in {key} of `{slug}` is the client's: write the value"
            ));
            as_variable(inside)
        };
        write!(written, "${{{name}}}").expect("writing to a string cannot fail");
    }
    written.push_str(rest);
    written
}

/// A key as TOML wants it.
fn bare(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A text as TOML wants it (TOML 1.0, basic strings).
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(control))
                    .expect("writing to a string cannot fail");
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// For a comment, in which a line break would begin something else.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
