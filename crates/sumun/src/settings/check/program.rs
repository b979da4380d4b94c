//! Programs to start: what can be started at all, and containers that can speak.

use std::path::Path;

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
pub(super) fn check_container(command: &str, args: &[String]) -> Result<(), String> {
    let program = command.rsplit('/').next().unwrap_or(command);
    let [verb, args @ ..] = args else {
        return Ok(());
    };
    if !matches!(program, "docker" | "podman" | "nerdctl") || !matches!(&**verb, "run" | "exec") {
        return Ok(());
    }
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
