//! The command lines of docker, podman and nerdctl that start a program in a container, read as far as
//! they are theirs: what follows the image, or the container, belongs to the program in it.

use std::path::Path;

/// Options of `run` and `exec` that stand alone.
const FLAGS: &str = "--detach --disable-content-trust --env-host --help --http-proxy --init --insecure-registry \
    --interactive --no-healthcheck --no-hostname --no-hosts --oom-kill-disable --passwd --privileged \
    --publish-all --quiet --read-only --read-only-tmpfs --replace --rm --rmi --rootfs --sig-proxy \
    --tls-verify --tty --unsetenv-all --use-api-socket";

/// Options of `run` and `exec` whose value is the next word, unless it is joined by `=`.
const WITH_VALUE: &str = "--add-host --annotation --arch --attach --authfile --blkio-weight --blkio-weight-device \
    --cap-add --cap-drop --cert-dir --cgroup-conf --cgroup-parent --cgroupns --cgroups --chrootdirs --cidfile \
    --conmon-pidfile --cosign-key --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period \
    --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --creds --decryption-key --detach-keys \
    --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops \
    --dns --dns-opt --dns-option --dns-search --domainname --entrypoint --env --env-file --env-merge --expose \
    --gidmap --gpus --group-add --group-entry --health-cmd --health-interval --health-log-destination \
    --health-max-log-count --health-max-log-size --health-on-failure --health-retries --health-start-interval \
    --health-start-period --health-startup-cmd --health-startup-interval --health-startup-retries \
    --health-startup-success --health-startup-timeout --health-timeout --hostname --hosts-file --hostuser \
    --image-volume --init-ctr --init-path --ip --ip6 --ipc --ipfs-address --isolation --kernel-memory --label \
    --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory --memory-reservation \
    --memory-swap --memory-swappiness --mount --name --net --net-alias --network --network-alias \
    --oom-score-adj --os --passwd-entry --personality --pid --pidfile --pids-limit --platform --pod \
    --pod-id-file --preserve-fd --preserve-fds --publish --pull --rdt-class --restart --retry --retry-delay \
    --runtime --sdnotify --seccomp-policy --secret --security-opt --shm-size --shm-size-systemd \
    --stop-signal --stop-timeout --storage-opt --subgidname --subuidname --sysctl --systemd --timeout --tmpfs \
    --tz --uidmap --ulimit --umask --unsetenv --user --userns --uts --variant --verify --volume \
    --volume-driver --volumes-from --workdir";

/// The letters of the former, and of the latter.
const SHORT_FLAGS: &str = "ditPq";
const SHORT_WITH_VALUE: &str = "acehlmpuvw";

/// Options of the programs themselves, before the command, whose value is the next word.
const OF_CLIENT: &str = "--address --cgroup-manager --config --connection --context --data-root --host --identity \
    --log-level --module --namespace --root --runroot --snapshotter --storage-driver --storage-opt --tlscacert \
    --tlscert --tlskey --tmpdir --url -H -a -c -l -n";

/// What is done with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerVerb {
    /// A new one is started.
    Run,
    /// A program is started in one that is there.
    Exec,
}

/// A command line that starts a program in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerCommand<'a> {
    /// What it does.
    pub verb: ContainerVerb,
    /// Whether the input of the program stays open (`-i`).
    pub is_interactive: bool,
    /// Whether there is a terminal in between (`-t`).
    pub has_terminal: bool,
    /// Whether a container that has ended is removed (`--rm`).
    pub is_removed: bool,
    /// The name that the container is given.
    pub name: Option<&'a str>,
    /// An option that is not known here. Nobody knows whether the next word is its value, so that nothing
    /// is read from there on.
    pub unknown: Option<&'a str>,
    /// Where the options of the program itself end, and those of the command begin.
    pub(super) client_until: usize,
    pub(super) options_from: usize,
}

impl<'a> ContainerCommand<'a> {
    /// Reads a command line; `None` if it starts nothing in a container.
    pub fn read(command: &str, args: &'a [String]) -> Option<Self> {
        let client = Path::new(command).file_name()?.to_str()?;
        if !matches!(client, "docker" | "podman" | "nerdctl") {
            return None;
        }
        let client_until = subcommand(args)?;
        // `docker container run` is the same.
        let at = client_until + usize::from(args[client_until] == "container");
        let verb = match args.get(at)?.as_str() {
            "run" => ContainerVerb::Run,
            "exec" => ContainerVerb::Exec,
            _ => return None,
        };
        let mut line = Self {
            verb,
            is_interactive: false,
            has_terminal: false,
            is_removed: false,
            name: None,
            unknown: None,
            client_until,
            options_from: at + 1,
        };
        line.read_options(&args[at + 1..]);
        Some(line)
    }

    fn read_options(&mut self, words: &'a [String]) {
        let mut words = words.iter().map(String::as_str);
        // The first word that is no option is the image, or the container. `-` alone is none either.
        while let Some(word) = words.next().filter(|word| word.len() > 1) {
            if word == "--" {
                return;
            }
            let is_known = if word.starts_with("--") {
                self.long(word, &mut words)
            } else if let Some(letters) = word.strip_prefix('-') {
                self.short(letters, &mut words)
            } else {
                return;
            };
            if !is_known {
                self.unknown = Some(word);
                return;
            }
        }
    }

    /// Reads a long option; false if it is not known.
    fn long(&mut self, word: &'a str, rest: &mut impl Iterator<Item = &'a str>) -> bool {
        let (option, joined) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word, None),
        };
        if is_in(FLAGS, option) {
            let is_set = joined
                .is_none_or(|value| matches!(value, "true" | "True" | "TRUE" | "t" | "T" | "1"));
            match option {
                "--interactive" => self.is_interactive = is_set,
                "--tty" => self.has_terminal = is_set,
                "--rm" => self.is_removed = is_set,
                _ => {}
            }
            return true;
        }
        let is_known = is_in(WITH_VALUE, option);
        let value = match joined {
            None if is_known => rest.next(),
            joined => joined,
        };
        if option == "--name" {
            // The last one counts.
            self.name = value;
        }
        // Where the value is joined, there is no doubt about what follows.
        is_known || joined.is_some()
    }

    /// Reads letters, of which the last one may have a value; false if one of them is not known.
    fn short(&mut self, letters: &'a str, rest: &mut impl Iterator<Item = &'a str>) -> bool {
        for (at, letter) in letters.char_indices() {
            if SHORT_WITH_VALUE.contains(letter) {
                // Its value is the rest of the word, or the next one.
                if at + 1 == letters.len() {
                    rest.next();
                }
                return true;
            }
            match letter {
                'i' => self.is_interactive = true,
                't' => self.has_terminal = true,
                letter if SHORT_FLAGS.contains(letter) => {}
                _ => return false,
            }
        }
        true
    }
}

fn is_in(list: &str, option: &str) -> bool {
    list.split_whitespace().any(|known| known == option)
}

/// Where the first argument stands that is no option of the client.
fn subcommand(args: &[String]) -> Option<usize> {
    let mut at = 0;
    loop {
        let arg = args.get(at)?;
        if !arg.starts_with('-') {
            return Some(at);
        }
        at += 1 + usize::from(is_in(OF_CLIENT, arg));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of `docker` with these words: `i`, `t` and `r` for what is set, the name, and what is
    /// not known.
    fn read(args: &str) -> Option<(String, Option<String>, Option<String>)> {
        let args: Vec<_> = args.split_whitespace().map(str::to_owned).collect();
        let line = ContainerCommand::read("/usr/bin/docker", &args)?;
        let set = [
            ('i', line.is_interactive),
            ('t', line.has_terminal),
            ('r', line.is_removed),
        ];
        let set = set
            .iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(letter, _)| letter);
        let owned = |word: Option<&str>| word.map(str::to_owned);
        Some((set.collect(), owned(line.name), owned(line.unknown)))
    }

    #[test]
    fn what_follows_the_image_belongs_to_the_program_in_it() {
        for (args, set, name) in [
            ("run -i --rm img --name prod-db -t", "ir", None),
            ("run -i --name mine img --name prod-db", "i", Some("mine")),
            ("run -i -e NAME img --name=prod-db", "i", None),
            ("run -ie NAME img --name=prod-db", "i", None),
            ("run -iv/a:/b img -t", "i", None),
            ("run -i -- img -t --name prod-db", "i", None),
            ("run --name a --name=b -i img", "i", Some("b")),
            ("run -it --tty=false --rm=true img", "ir", None),
            ("run -e -t img -i", "", None),
            ("run", "", None),
            ("exec -i db server --name prod-db -t", "i", None),
            (
                "-H tcp://far --namespace k8s container run -i img -t",
                "i",
                None,
            ),
        ] {
            let expected = (set.to_owned(), name.map(str::to_owned), None);
            assert_eq!(read(args), Some(expected), "{args}");
        }
    }

    #[test]
    fn nothing_is_read_behind_what_is_not_known() {
        for (args, unknown) in [
            ("run -i --new img --name prod-db", "--new"),
            ("run -iz img --name prod-db", "-iz"),
        ] {
            let (_, name, found) = read(args).unwrap();
            assert_eq!((name, found.as_deref()), (None, Some(unknown)), "{args}");
        }
        let (_, name, unknown) = read("run --new=1 --name mine img").unwrap();
        assert_eq!((name.as_deref(), unknown), (Some("mine"), None));
    }
}
