//! Commands that run a server in a container (`docker run -i`, `podman run -i`).
//!
//! The command is only a client: killed, it leaves the container behind. So the container gets a name
//! that we know, and is removed by it. `docker exec` starts a process in a container that is not ours:
//! its end is the end of its input.

use std::time::Duration;

use oauth::random::{self, Random};
use tokio::process::Command;

use super::command_line::{ContainerCommand, ContainerVerb};

/// How long the removal of a container may take.
const REMOVAL: Duration = Duration::from_secs(20);

/// A container that a child runs.
#[derive(Debug)]
pub(super) struct Container {
    args: Vec<String>,
    /// Options of the client itself, such as `--context`: removal needs them too.
    global: Vec<String>,
    name: String,
}

impl Container {
    /// The container that the command would run, with what it needs to be found again.
    pub(super) fn recognize(
        command: &str,
        args: &[String],
        upstream: &str,
        random: &dyn Random,
    ) -> Option<Self> {
        let line = ContainerCommand::read(command, args)?;
        if line.verb != ContainerVerb::Run {
            return None;
        }
        let mut added = Vec::new();
        if !line.is_interactive {
            added.push("-i".to_owned());
        }
        if !line.is_removed {
            added.push("--rm".to_owned());
        }
        let own = || {
            let suffix: String = random::token::<9>(random)
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { 'x' })
                .collect();
            let name = format!("sumun-{upstream}-{}", suffix.to_ascii_lowercase());
            added.extend(["--name".to_owned(), name.clone()]);
            name
        };
        let name = line.name.map_or_else(own, str::to_owned);
        let (before, after) = args.split_at(line.options_from);
        Some(Self {
            args: [before, &added, after].concat(),
            global: args[..line.client_until].to_vec(),
            name,
        })
    }

    /// The arguments to run it with.
    pub(super) fn args(&self) -> &[String] {
        &self.args
    }

    /// The arguments to remove it with.
    pub(super) fn removal(&self) -> Vec<String> {
        let remove = ["rm".to_owned(), "-f".to_owned(), self.name.clone()];
        [&*self.global, &remove].concat()
    }
}

/// Removes the container, if it is still there.
pub(super) async fn remove(mut command: Command, upstream: &str) {
    let removed = async {
        match command.status().await {
            Ok(status) => tracing::debug!(upstream, %status, "a container was asked to go"),
            Err(error) => tracing::warn!(upstream, %error, "a container cannot be removed"),
        }
    };
    if tokio::time::timeout(REMOVAL, removed).await.is_err() {
        tracing::warn!(upstream, "the removal of a container takes too long");
    }
}

#[cfg(test)]
mod tests {
    use oauth::random::OsRandom;

    use super::*;

    fn recognized(command: &str, args: &str) -> Option<(String, String)> {
        let args: Vec<_> = args.split_whitespace().map(str::to_owned).collect();
        let container = Container::recognize(command, &args, "notes", &OsRandom)?;
        let shown = |args: &[String]| args.join(" ").replace(&container.name, "NAME");
        Some((shown(container.args()), shown(&container.removal())))
    }

    #[test]
    fn g4_a_container_gets_what_it_is_found_again_by() {
        for (args, run, removal) in [
            ("run img", "run -i --rm --name NAME img", "rm -f NAME"),
            (
                "run -i --rm img -x",
                "run --name NAME -i --rm img -x",
                "rm -f NAME",
            ),
            ("run -it img", "run --rm --name NAME -it img", "rm -f NAME"),
            (
                "--context far run --name=mine -i --rm img",
                "--context far run --NAME=mine -i --rm img",
                "--context far rm -f NAME",
            ),
            (
                "run -i --rm img --name prod-db",
                "run --name NAME -i --rm img --name prod-db",
                "rm -f NAME",
            ),
            (
                "run -i --rm --new value img --name prod-db",
                "run --name NAME -i --rm --new value img --name prod-db",
                "rm -f NAME",
            ),
            (
                "container run --name mine -i --rm img",
                "container run --name NAME -i --rm img",
                "rm -f NAME",
            ),
        ] {
            let expected = (
                run.replace("--NAME=mine", "--name=NAME"),
                removal.to_owned(),
            );
            assert_eq!(
                recognized("/usr/bin/docker", args),
                Some(expected),
                "{args}"
            );
        }
    }

    #[test]
    fn other_commands_are_left_alone() {
        assert_eq!(recognized("docker", "exec -i c server"), None);
        assert_eq!(recognized("docker", "compose run x"), None);
        assert_eq!(recognized("npx", "run -i x"), None);
    }
}
