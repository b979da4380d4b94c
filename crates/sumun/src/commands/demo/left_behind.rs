//! The settings of the demo, left where other commands find them.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::url_of;

/// Writes the settings for `sumun audit`, `user`, `report` and all the others into the data directory.
pub(super) fn write(path: &Path, text: &str, address: SocketAddr) -> anyhow::Result<()> {
    let settings = format!(
        "# Written by `sumun demo` whenever it starts, for other commands: sumun user list --config demo.toml\n\
         public_url = \"{}\"\nlisten = \"{address}\"\ndata = \".\"\n\n{text}",
        url_of(address)
    );
    let write = || {
        // Another file each time, because an old one keeps its mode.
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(path)?.write_all(settings.as_bytes())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// A word of a command line, as a shell reads it.
pub(super) fn in_shell(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(in_shell("/home/kim/demo.toml"), "/home/kim/demo.toml");
        assert_eq!(in_shell("/my data/kim's"), "'/my data/kim'\\''s'");
    }
}
