//! The reference of all settings, `docs/settings.md`, made from the comments in [`super::file`] and the
//! files beside it; and the example file, held against it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::*;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sumun.example.toml");

/// Where the keys are described.
const SOURCE: &str = concat!(
    include_str!("file.rs"),
    include_str!("audit.rs"),
    include_str!("identity_provider.rs"),
    include_str!("pii.rs"),
    include_str!("upstream.rs")
);

const INTRODUCTION: &str = "\
# Settings

`sumun serve --config sumun.toml` reads one TOML file. Every key is listed here with its default;
[`sumun.example.toml`](../sumun.example.toml) is a file to start from. `sumun config check --config
sumun.toml` tells everything that is wrong with a file, line by line, without starting anything.

An environment variable replaces a setting: `SUMUN_` and the key in capitals, with two underscores
behind each section. `SUMUN_LISTEN=127.0.0.1:9000` replaces `listen`,
`SUMUN_TOKENS__ACCESS_TOKEN=5m` replaces `access_token` in `[tokens]`. Lists are written as in the
file: `SUMUN_TRUSTED_PROXIES='[\"10.0.0.0/8\"]'`. No variable leads into a single client,
server, upstream or rule.

This page is made from the comments in `crates/sumun/src/settings/file.rs`, and `identity_provider.rs`
and `upstream.rs` beside it.
";

/// One key as the source of `file.rs` describes it.
#[derive(Debug)]
struct Key {
    name: String,
    kind: String,
    text: String,
}

/// The structs of `file.rs` with their fields and comments.
fn structs() -> BTreeMap<String, Vec<Key>> {
    let mut structs: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    let mut current = None;
    let mut comment = String::new();
    for line in SOURCE.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            writeln!(comment, "{}", text.strip_prefix(' ').unwrap_or(text)).unwrap();
        } else if let Some(rest) = line.strip_prefix("pub(crate) struct ") {
            current = Some(rest.trim_end_matches(" {").to_owned());
            comment.clear();
        } else if let (Some(rest), Some(name)) = (line.strip_prefix("pub(crate) "), &current) {
            let (field, kind) = rest.trim_end_matches(',').split_once(": ").unwrap();
            let key = Key {
                name: field.to_owned(),
                kind: kind.to_owned(),
                text: std::mem::take(&mut comment),
            };
            structs.entry(name.clone()).or_default().push(key);
        } else if line == "}" {
            current = None;
        }
    }
    structs
}

/// The struct behind a section below `path`, with the way its header is written.
fn section(path: &str, key: &Key) -> Option<(String, String)> {
    let name = &key.name;
    let within = |start: &str| {
        let inner = key.kind.strip_prefix(start)?.strip_suffix('>')?;
        inner.ends_with("Section").then(|| inner.to_owned())
    };
    if let Some(kind) = within("Vec<") {
        return Some((kind, format!("[[{path}{name}]]")));
    }
    if let Some(kind) = within("BTreeMap<String, ") {
        return Some((kind, format!("[{path}{name}.\"…\"]")));
    }
    if let Some(kind) = within("Option<") {
        return Some((kind, format!("[{path}{name}]")));
    }
    let is_plain = key.kind.ends_with("Section");
    is_plain.then(|| (key.kind.clone(), format!("[{path}{name}]")))
}

/// The header of a section without what varies in it: `upstreams.credential`.
fn path_of(header: &str) -> String {
    header.trim_matches(['[', ']']).replace(".\"…\"", "")
}

/// Every key of the example file, with its default if it stands behind a `#`.
fn defaults() -> BTreeMap<(String, String), Option<String>> {
    let mut defaults = BTreeMap::new();
    let mut header = String::new();
    for line in example().lines() {
        // Behind `#` stands a default, behind `# ` an example that is switched off.
        let (is_default, line) = match line.strip_prefix('#') {
            Some(line) => (!line.starts_with(' '), line.trim_start()),
            None => (false, line),
        };
        if line.starts_with('[') {
            let names = line.trim_matches(['[', ']']).split('.');
            let names: Vec<_> = names.filter(|name| !name.starts_with('"')).collect();
            header = names.join(".");
        } else if let Some((key, value)) = line.split_once(" = ") {
            let value = is_default.then(|| value.to_owned());
            defaults
                .entry((header.clone(), key.to_owned()))
                .or_insert(value);
        }
    }
    defaults
}

fn example() -> String {
    std::fs::read_to_string(EXAMPLE).unwrap()
}

fn kind_in_words(kind: &str) -> &'static str {
    match kind {
        "String" | "Option<String>" => "text",
        "Option<Secret>" => "text, secret",
        "bool" | "Option<bool>" => "true or false",
        "u64" | "Option<u64>" | "Option<f32>" => "number",
        "Option<Value>" => "text, number, or true or false",
        "Vec<Value>" => "list of texts or numbers",
        "BTreeMap<String, Value>" => "values by name",
        "BTreeMap<String, Secret>" => "texts by name, some of them secret",
        "Vec<String>" | "Option<Vec<String>>" => "list of texts",
        "BTreeMap<String, String>" | "Option<BTreeMap<String, String>>" => "texts by name",
        "BTreeMap<String, Vec<String>>" => "lists of texts by name",
        other => panic!("say in words what {other} is"),
    }
}

fn write_key(page: &mut String, key: &Key, default: Option<&Option<String>>) {
    let has_default = !key.kind.starts_with("Option");
    let default = match default {
        Some(Some(value)) if has_default => format!(", default `{value}`"),
        _ => String::new(),
    };
    let kind = kind_in_words(&key.kind);
    write!(
        page,
        "\n### `{}`\n\n{}{default}\n\n{}",
        key.name, kind, key.text
    )
    .unwrap();
}

fn reference() -> String {
    let structs = structs();
    let defaults = defaults();
    let mut page = format!("{INTRODUCTION}\n## Top of the file\n");
    let top = &structs["SettingsFile"];
    for key in top
        .iter()
        .filter(|key| section("", key).is_none() && key.name != "roles")
    {
        write_key(
            &mut page,
            key,
            defaults.get(&(String::new(), key.name.clone())),
        );
    }
    for key in top {
        if key.name == "roles" {
            write!(page, "\n## `[roles]`\n\n{}", key.text).unwrap();
        }
        write_section(&mut page, "", key, &structs, &defaults);
    }
    page
}

/// A section, its keys, and the sections in it.
fn write_section(
    page: &mut String,
    path: &str,
    key: &Key,
    structs: &BTreeMap<String, Vec<Key>>,
    defaults: &BTreeMap<(String, String), Option<String>>,
) {
    let Some((kind, header)) = section(path, key) else {
        return;
    };
    write!(page, "\n## `{header}`\n\n{}", key.text).unwrap();
    let path = path_of(&header);
    let inside = format!("{path}.");
    let (single, sections): (Vec<_>, Vec<_>) = structs[&kind]
        .iter()
        .partition(|inner| section(&inside, inner).is_none());
    for inner in single {
        write_key(
            page,
            inner,
            defaults.get(&(path.clone(), inner.name.clone())),
        );
    }
    for inner in sections {
        write_section(page, &inside, inner, structs, defaults);
    }
}

/// Run this test twice after a change of `file.rs`: the first run writes the page.
#[test]
fn the_page_is_made_from_the_comments() {
    let page = reference();
    let written = std::fs::read_to_string(REFERENCE).unwrap_or_default();
    if page != written {
        std::fs::write(REFERENCE, page).unwrap();
        panic!("docs/settings.md was out of date and has been written: review and commit it");
    }
}

fn parse_example(text: &str) -> Settings {
    let source = Source {
        name: "sumun.example.toml",
        text,
        directory: Path::new("/etc/sumun"),
        readable_by_all: true,
    };
    let environment = Environment::default();
    parse(source, &environment, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_example_works() {
    let settings = parse_example(&example());
    assert_eq!(settings.servers.len(), 2);
    assert_eq!(settings.gateway.unwrap().upstreams.len(), 1);
}

/// What stands behind `#` in the example is what holds without it.
#[test]
fn defaults_in_the_example_are_the_defaults() {
    let example = example();
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with([' ', '#']) && !rest.is_empty() => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    let all: String = example.lines().map(uncomment).collect();
    assert_ne!(all, example);
    assert_eq!(
        format!("{:?}", parse_example(&all)),
        format!("{:?}", parse_example(&example))
    );
}

#[test]
fn the_example_shows_every_key() {
    let structs = structs();
    let shown = defaults();
    let mut open: Vec<(String, &str)> = vec![(String::new(), "SettingsFile")];
    while let Some((path, kind)) = open.pop() {
        for key in &structs[kind] {
            let inside = if path.is_empty() {
                String::new()
            } else {
                format!("{path}.")
            };
            if let Some((kind, header)) = section(&inside, key) {
                let (kind, _) = structs.get_key_value(&kind).unwrap();
                open.push((path_of(&header), kind));
            } else if key.name != "roles" && !key.kind.starts_with("Option") {
                let is_shown = shown.contains_key(&(path.clone(), key.name.clone()));
                assert!(is_shown, "[{path}] {} is not in the example", key.name);
            }
        }
    }
}
