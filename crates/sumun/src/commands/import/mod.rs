//! `sumun import`: the settings of an MCP client become upstreams.

mod client_settings;
mod secret;
mod section;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _, stderr, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;

use crate::settings::{self, Environment, Source};

/// `sumun import`
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The settings of Claude, Cursor, Windsurf or VS Code; `-` reads standard input
    file: PathBuf,
    /// The settings file
    #[arg(long, value_name = "FILE", default_value = "sumun.toml")]
    config: PathBuf,
    /// Adds the sections to the settings file, instead of only showing them. Nothing in it is changed
    #[arg(long)]
    write: bool,
}

/// The names that are taken in a settings file.
#[derive(Debug, Default, Deserialize)]
struct Known {
    #[serde(default)]
    upstreams: Vec<KnownUpstream>,
}

#[derive(Debug, Deserialize)]
struct KnownUpstream {
    name: Option<String>,
}

/// Sections for the settings file, and what the operator should know.
#[derive(Debug, PartialEq, Eq)]
struct Imported {
    text: String,
    count: usize,
    notes: Vec<String>,
}

pub(super) fn run(options: &Import, environment: &Environment) -> anyhow::Result<()> {
    let (name, text) = read(&options.file)?;
    let present = match std::fs::read_to_string(&options.config) {
        Ok(present) => Some(present),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !options.write => None,
        Err(error) => {
            let path = options.config.display();
            return Err(error).with_context(|| format!("the settings file {path} cannot be read"));
        }
    };
    let imported = imported(&name, &text, present.as_deref())?;
    if options.write && imported.count > 0 {
        let present = present.unwrap_or_default();
        write(&options.config, &present, &imported.text)?;
        writeln!(
            stdout(),
            "{} upstreams are added to {}",
            imported.count,
            options.config.display()
        )?;
    } else {
        stdout().lock().write_all(imported.text.as_bytes())?;
    }
    let mut err = stderr().lock();
    for note in &imported.notes {
        writeln!(err, "note: {note}")?;
    }
    // What stands against the file as a whole is said now, not at the next start.
    if options.write
        && let Err(problems) = settings::load(&options.config, environment)
    {
        writeln!(err, "the settings cannot be used yet:\n{problems}")?;
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<(String, String)> {
    if file == Path::new("-") {
        let mut text = String::new();
        stdin()
            .lock()
            .read_to_string(&mut text)
            .context("standard input cannot be read")?;
        return Ok(("standard input".to_owned(), text));
    }
    let name = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy()
        .into_owned();
    let text = std::fs::read_to_string(file);
    Ok((
        name,
        text.with_context(|| format!("{} cannot be read", file.display()))?,
    ))
}

/// Makes sections of `text`, beside what is `present` in the settings file.
fn imported(name: &str, text: &str, present: Option<&str>) -> anyhow::Result<Imported> {
    let servers =
        client_settings::read(text).with_context(|| format!("{name} cannot be imported"))?;
    let known: Known = match present {
        Some(present) => {
            toml::from_str(present).context("the settings file is no TOML: sumun config check")?
        }
        None => Known::default(),
    };
    let mut taken: BTreeSet<String> = known
        .upstreams
        .into_iter()
        .filter_map(|known| known.name)
        .collect();
    let (mut sections, mut notes) = (String::new(), Vec::new());
    let mut count = 0;
    for server in &servers {
        let slug = section::slug(&server.name);
        if present.is_some() && taken.contains(&slug) {
            notes.push(format!(
                "`{}` is left out: the settings have an upstream `{slug}` already",
                server.name
            ));
            continue;
        }
        if server.disabled {
            notes.push(format!(
                "`{}` is left out: it is switched off in {name}",
                server.name
            ));
            continue;
        }
        let slug = section::free(slug, &taken);
        if let Some(text) = section::section(&slug, server, name, &mut notes) {
            sections.push_str(&text);
            taken.insert(slug);
            count += 1;
        }
    }
    Ok(Imported {
        text: sections,
        count,
        notes,
    })
}

/// Adds `sections` at the end of the settings file, whole or not at all.
fn write(path: &Path, present: &str, sections: &str) -> anyhow::Result<()> {
    let separator = if present.is_empty() || present.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let text = format!("{present}{separator}{sections}");
    let source = Source {
        name: &path.display().to_string(),
        text: &text,
        directory: path.parent().unwrap_or(Path::new("")),
        readable_by_all: false,
    };
    if !settings::is_well_formed(source) {
        bail!(
            "the sections do not fit at the end of {}, which writes `upstreams` or `policy` another way: \
             run the command without --write, and put them where they belong",
            path.display()
        );
    }
    let metadata = std::fs::metadata(path)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = || -> std::io::Result<()> {
        let mut file = std::fs::File::create_new(&beside)?;
        file.set_permissions(metadata.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().with_context(|| {
        format!(
            "{} cannot be written (by way of {})",
            path.display(),
            beside.display()
        )
    })
}
