//! Programs to start: what can be started at all, and containers that can speak.

use std::path::Path;

use gateway::upstream::{ContainerCommand, ContainerVerb};

pub(super) fn check_command(command: &str) -> Result<String, String> {
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
    Ok(command.to_owned())
}

/// A container must keep its input open, must not have a terminal in between, and cannot be there twice
/// under one name.
pub(super) fn check_container(
    command: &str,
    args: &[String],
    are_shared: bool,
) -> Result<(), String> {
    let Some(line) = ContainerCommand::read(command, args) else {
        return Ok(());
    };
    if let Some(option) = line.unknown {
        return Err(format!(
            "`{option}` is not known here, so it is not clear which word is the image: join its value to it, \
             as in {option}=value, or {option}=true where it has none"
        ));
    }
    let verb = match line.verb {
        ContainerVerb::Run => "run",
        ContainerVerb::Exec => "exec",
    };
    if !line.is_interactive {
        return Err(format!(
            "`{verb}` without -i closes the program's input at once: add \"-i\" to `args`, before the image"
        ));
    }
    if line.has_terminal {
        return Err("a terminal changes what is sent: remove \"-t\" from `args`".to_owned());
    }
    match line.name {
        Some(name) if !are_shared => Err(format!(
            "several containers would be called `{name}`, and only one can be: remove \"--name\" from `args`, \
             and each gets a name of its own, or write children = \"shared\""
        )),
        _ => Ok(()),
    }
}
