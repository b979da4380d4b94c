//! The rules of the house that a machine can check (`ARCHITECTURE.md`, `CONTRIBUTING.md`).
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which room may use which; whoever is not here is not a room.
const ROOMS: [(&str, &[&str]); 12] = [
    ("oauth", &[]),
    ("pii", &[]),
    ("store", &["oauth"]),
    ("audit", &["oauth"]),
    ("resource-server", &["oauth"]),
    ("delegation", &["oauth", "store"]),
    (
        "authorization-server",
        &["oauth", "store", "audit", "delegation"],
    ),
    (
        "gateway",
        &[
            "oauth",
            "pii",
            "store",
            "audit",
            "delegation",
            "resource-server",
        ],
    ),
    (
        "examples",
        &[
            "oauth",
            "pii",
            "store",
            "audit",
            "delegation",
            "resource-server",
        ],
    ),
    (
        "sumun",
        &[
            "oauth",
            "pii",
            "store",
            "audit",
            "delegation",
            "resource-server",
            "authorization-server",
            "gateway",
            "examples",
        ],
    ),
    // Attacks the rooms, and is delivered to nobody.
    (
        "fuzz",
        &[
            "oauth",
            "pii",
            "store",
            "audit",
            "resource-server",
            "authorization-server",
        ],
    ),
    // Measures the rooms, and is delivered to nobody.
    (
        "benches",
        &[
            "oauth",
            "pii",
            "store",
            "audit",
            "delegation",
            "resource-server",
            "authorization-server",
            "examples",
        ],
    ),
];

/// A file of more lines has a second subject.
const LONGEST: usize = 600;

/// From here on a file is named in the output of the test.
const LONG: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The files that git knows or would take, relative to the root.
fn tracked() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there wherever the sources are");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let files = String::from_utf8(output.stdout).unwrap();
    files
        .lines()
        .filter(|file| root().join(file).is_file())
        .map(str::to_owned)
        .collect()
}

/// A Rust source file.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Whether it is part of what is delivered.
    fn is_production(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap();
        let is_test = name == "tests.rs" || name.ends_with("_tests.rs");
        let is_delivered = !["benches/", "fuzz/"]
            .iter()
            .any(|tools| self.path.starts_with(tools));
        is_delivered && !is_test && !self.path.contains("/tests/")
    }

    /// The part of the text that is delivered: all before the tests in the file.
    fn production(&self) -> &str {
        let tests = self.text.find("#[cfg(test)]\nmod tests {");
        &self.text[..tests.unwrap_or(self.text.len())]
    }
}

fn sources() -> Vec<Source> {
    let read = |path: String| Source {
        text: fs::read_to_string(root().join(&path)).unwrap(),
        path,
    };
    let sources: Vec<_> = tracked()
        .into_iter()
        .filter(|path| {
            Path::new(path)
                .extension()
                .is_some_and(|ending| ending == "rs")
        })
        .map(read)
        .collect();
    assert!(
        sources.len() > 50,
        "the rules would be checked on nothing: {}",
        sources.len()
    );
    sources
}

/// The production files in which `needle` stands and which `allowed` does not name.
fn outside(needle: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let is_outside = |source: &Source| {
        source.is_production() && source.production().contains(needle) && !allowed(&source.path)
    };
    sources()
        .into_iter()
        .filter(is_outside)
        .map(|source| source.path)
        .collect()
}

#[test]
fn the_crate_graph_is_the_picture() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut found = BTreeMap::new();
    for package in packages {
        let edges: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| !dependency["path"].is_null())
            .map(|dependency| dependency["name"].as_str().unwrap())
            .collect();
        found.insert(package["name"].as_str().unwrap(), edges);
    }
    for (room, uses) in &found {
        let allowed = ROOMS.iter().find(|(name, _)| name == room);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("`{room}` is not in the picture"));
        for used in uses {
            assert!(allowed.contains(used), "`{room}` must not use `{used}`");
        }
    }
    assert_eq!(
        found.len(),
        ROOMS.len(),
        "a room of the picture is missing: {found:?}"
    );
}

#[test]
fn every_file_begins_with_what_it_is() {
    for Source { path, text } in sources() {
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! "),
            "{path}: the first line must say what the file is"
        );
    }
}

#[test]
fn files_have_one_subject() {
    let mut too_long = Vec::new();
    for source in sources().iter().filter(|source| source.is_production()) {
        let lines = source.production().lines().count();
        if lines > LONG {
            println!(
                "{} has {lines} lines: what is its second subject?",
                source.path
            );
        }
        if lines > LONGEST {
            too_long.push(format!("{} ({lines} lines)", source.path));
        }
    }
    assert_eq!(too_long, Vec::<String>::new());
}

#[test]
fn paths_in_the_table_of_standards_exist() {
    let table = fs::read_to_string(root().join("docs/standards.md")).unwrap();
    let quoted = table.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        text.contains('/')
            && ["crates/", "examples/", "tests/", "docs/", "scripts/"]
                .iter()
                .any(|start| text.starts_with(start))
    };
    let paths: Vec<_> = quoted.filter(is_path).collect();
    assert!(!paths.is_empty(), "the table names no files");
    let is_missing = |path: &&str| !root().join(path.split("::").next().unwrap()).exists();
    let missing: Vec<_> = paths.into_iter().filter(is_missing).collect();
    assert!(
        missing.is_empty(),
        "docs/standards.md names what is not there: {missing:#?}"
    );
}

/// The names of a table's rows, each in backquotes at the beginning of its line.
fn rows(page: &str) -> BTreeSet<String> {
    let page = fs::read_to_string(root().join(page)).unwrap();
    let names = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_kind_of_record_is_described() {
    let mut kinds = BTreeSet::new();
    for source in sources() {
        // What documentation shows is no kind of ours.
        let code = source
            .production()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let made = code.filter_map(|line| line.split("Kind::new(\"").nth(1)?.split('"').next());
        if source.is_production() {
            kinds.extend(made.map(str::to_owned));
        }
    }
    assert!(kinds.len() > 20, "{kinds:?}");
    let missing: Vec<_> = kinds
        .difference(&rows("docs/storage.md"))
        .cloned()
        .collect();
    assert!(
        missing.is_empty(),
        "docs/storage.md lacks lines for {missing:?}"
    );
}

/// A name in the registry gets `sumun_` in front, and behind it its unit and what kind it is.
#[test]
fn every_metric_is_described() {
    let is_name = |text: &&str| {
        text.contains('_') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let mut names = BTreeSet::new();
    for source in sources() {
        if source.path.starts_with("crates/sumun/src/metrics/") {
            let quoted = source.production().split('"').skip(1).step_by(2);
            names.extend(quoted.filter(is_name).map(str::to_owned));
        }
    }
    assert!(names.len() > 15, "{names:?}");
    let plain = |row: &String| {
        let name = row.strip_prefix("sumun_")?;
        let name = name.strip_suffix("_total").unwrap_or(name);
        let name = name.strip_suffix("_seconds").unwrap_or(name);
        Some(name.strip_suffix("_bytes").unwrap_or(name).to_owned())
    };
    let described: BTreeSet<_> = rows("docs/operations.md")
        .iter()
        .filter_map(plain)
        .collect();
    assert_eq!(described, names);
}

#[test]
fn rmcp_stays_where_mcp_servers_are() {
    let found = outside("rmcp::", |path| {
        path.starts_with("crates/resource-server/") || path.starts_with("examples/")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn http_leaves_by_one_door() {
    let found = outside("reqwest::", |path| {
        path.starts_with("crates/oauth/src/client/fetch/")
    });
    assert_eq!(found, Vec::<String>::new());
    // What streams to and from upstreams (docs/decisions/0017-…).
    let found = outside("hyper_util::client", |path| {
        path == "crates/gateway/src/upstream/http.rs"
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_environment_is_read_in_one_place() {
    let found = outside("std::env::", |path| {
        path == "crates/sumun/src/settings/environment.rs"
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn time_and_randomness_have_one_door_each() {
    let found = outside("SystemTime", |path| path == "crates/oauth/src/time.rs");
    assert_eq!(found, Vec::<String>::new());
    let found = outside("SystemRandom", |path| {
        // Signing and sealing draw their nonces and keys inside the cryptographic library.
        path.starts_with("crates/oauth/src/") || path.starts_with("crates/store/src/")
    });
    assert_eq!(found, Vec::<String>::new());
}

/// A lock file that names a mirror works only where that mirror is.
#[test]
fn no_file_names_a_registry() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let crates_io = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, crates_io);
    }
    for path in tracked() {
        let name = path.rsplit('/').next().unwrap();
        assert!(
            !path.contains(".cargo/config"),
            "{path} is for one machine alone"
        );
        let is_list = name.starts_with("requirements") || name == "package-lock.json";
        if is_list || name == ".npmrc" {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            for sign in ["\"resolved\":", "index-url", "registry=", "@ http"] {
                assert!(!text.contains(sign), "{path} names a registry: {sign}");
            }
        }
    }
}
