//! Settings: from a TOML file and the environment to values that can be trusted.
//!
//! There are two types, so that nothing unchecked gets further than this folder: [`mod@file`] has the
//! keys as they are written, and [`Settings`] is what [`mod@check`] makes of them. Every problem is
//! found in one go and told with its place.

mod api;
mod audit;
mod check;
mod document;
mod duration;
mod environment;
mod file;
mod guarded;
mod identity_provider;
mod network;
mod pii;
mod place;
mod problem;
pub(crate) mod reload;
mod size;
pub(crate) mod taken;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use oauth::issuer::Issuer;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::secret::Secret;

use document::Document;
use environment::Override;
use problem::Problem;

pub(crate) use api::{Api, Service};
pub(crate) use audit::Audit;
pub(crate) use duration::parse as parse_duration;
pub(crate) use environment::Environment;
pub(crate) use guarded::{Gateway, Guarded, Upstream};
pub(crate) use network::Network;
pub(crate) use problem::{Problems, sounds_secret};

/// Everything that can be set, parsed and free of contradictions.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The directory of the store and the key ring.
    pub(crate) data: PathBuf,
    /// What is logged.
    pub(crate) log: Log,
    /// What is recorded, if anything is.
    pub(crate) audit: Option<Audit>,
    /// What of our own environment programs may see that we start.
    pub(crate) child_environment: BTreeMap<String, String>,
    /// What happens to personal data in calls, if anything does.
    pub(crate) pii: Option<pii::Pii>,
    /// Where metrics are read, if anybody does.
    pub(crate) metrics: Option<SocketAddr>,
    /// Where traces are sent, if they are.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "it is refused"))]
    pub(crate) traces: Option<String>,
    /// The origins of foreign web pages that may call the servers.
    pub(crate) allowed_origins: Vec<String>,
    /// Proxies whose word on the client's address is believed.
    pub(crate) trusted_proxies: Vec<Network>,
    /// How many connections one address may hold at once, where the operator says it.
    pub(crate) max_connections_per_address: Option<usize>,
    /// Who may get a token, and for what.
    pub(crate) authorization_server: authorization_server::settings::Settings,
    /// The servers of our own that are served.
    pub(crate) servers: Vec<Server>,
    /// The servers of others, and who may use them; without any, `servers` is not empty.
    pub(crate) gateway: Option<Gateway>,
    /// The resource that the metadata at the root describes; one of `servers` or of the gateway.
    pub(crate) default_resource: ResourceIndicator,
}

impl Settings {
    /// The public address, which is the issuer's name.
    pub(crate) fn public_url(&self) -> &Issuer {
        &self.authorization_server.issuer
    }
}

/// What is logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    /// In which form.
    pub(crate) format: LogFormat,
    /// From which level on.
    pub(crate) level: tracing::Level,
}

/// For whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// A protected server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Which one.
    pub(crate) kind: ServerKind,
    /// Its path below the public address.
    pub(crate) path: String,
    /// Its public address, which is the name of the resource.
    pub(crate) resource: ResourceIndicator,
    /// Whose tokens it accepts.
    pub(crate) trusts: Trust,
    /// Whether these may or must be bound to a key (RFC 9449).
    pub(crate) dpop: BoundTokens,
    /// The API that it calls, if it does.
    pub(crate) api: Option<Api>,
}

/// What a server thinks of tokens that are bound to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoundTokens {
    /// It takes none.
    Off,
    /// It takes them beside bearer tokens.
    Accepted,
    /// It takes nothing else.
    Required,
}

/// The servers that this program brings with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// Tells callers who they are.
    Whoami,
    /// Keeps todos.
    Todo,
    /// Greets over plain HTTP.
    Hello,
    /// Calls an API as nobody, as the service and as the person.
    Hybrid,
    /// Searches with Naver, and writes into calendars there.
    Naver,
    /// Lets callers try out OAuth and data protection.
    SecurityLab,
}

impl ServerKind {
    /// The path, unless another one is set.
    fn usual_path(self) -> &'static str {
        match self {
            Self::Whoami => "/whoami/mcp",
            Self::Todo => "/todo/mcp",
            Self::Hello => "/hello",
            Self::Hybrid => "/hybrid/mcp",
            Self::Naver => "/naver/mcp",
            Self::SecurityLab => "/lab/mcp",
        }
    }

    /// What people read as its name.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Whoami => "Who am I?",
            Self::Todo => "Todo manager",
            Self::Hello => "Hello",
            Self::Hybrid => "Hybrid demo",
            Self::Naver => "Naver assistant",
            Self::SecurityLab => "Security lab",
        }
    }

    /// The scopes that mean something to it.
    fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Whoami => &["openid", "profile", "email"],
            Self::Todo => &[
                examples::todo::CREATE,
                examples::todo::READ,
                examples::todo::DELETE,
            ],
            Self::Hello => &[examples::hello::SCOPE],
            Self::Hybrid => &[examples::hybrid::ACT],
            Self::Naver => &[examples::naver::CALENDAR],
            Self::SecurityLab => &[
                examples::lab::READ,
                examples::lab::TEST,
                examples::lab::TOKEN,
                examples::lab::AUDIT,
            ],
        }
    }

    /// Its name in settings and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whoami => "whoami",
            Self::Todo => "todo",
            Self::Hello => "hello",
            Self::Hybrid => "hybrid",
            Self::Naver => "naver",
            Self::SecurityLab => "security-lab",
        }
    }

    /// An address that answers as long as the API of this server does.
    pub(crate) fn health_of(self, api: &Api) -> String {
        let url = api.url.trim_end_matches('/');
        match self {
            // R2.3: the API has an endpoint for this.
            Self::Hybrid => format!("{url}/health"),
            _ => format!("{url}/"),
        }
    }

    /// Whether it calls an API.
    pub(crate) fn calls_api(self) -> bool {
        matches!(self, Self::Hybrid | Self::Naver)
    }

    /// The same as one scope.
    pub(crate) fn scope(self) -> Scope {
        Scope::from_tokens(self.scopes()).expect("the scopes of our servers are well-formed")
    }
}

/// Whose tokens a server accepts.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Those of our own authorization server.
    Own,
    /// Those of another one.
    Foreign(ForeignIssuer),
}

/// An authorization server that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct ForeignIssuer {
    /// Its name.
    pub(crate) issuer: Issuer,
    /// What its tokens must be for.
    pub(crate) audience: String,
    /// How its tokens are verified.
    pub(crate) verify: Verify,
}

/// How tokens of a foreign issuer are verified.
#[derive(Clone, Debug)]
pub(crate) enum Verify {
    /// By signature, with these `typ` headers.
    Jwt {
        /// Accepted values of `typ`.
        types: Vec<String>,
    },
    /// By asking the issuer (RFC 7662).
    Introspection {
        /// Our name there.
        client_id: String,
        /// Our secret there.
        client_secret: Secret,
    },
    /// By fetching the claims of the person.
    Userinfo {
        /// What every caller may do, since claims do not say.
        scopes: Scope,
    },
}

/// Settings as text, and what stands around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The name of the file in messages.
    pub(crate) name: &'a str,
    /// The content of the file.
    pub(crate) text: &'a str,
    /// Where relative paths start.
    pub(crate) directory: &'a Path,
    /// Whether everybody on this machine can read the file.
    pub(crate) readable_by_all: bool,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// There is no file to read.
    #[error("the settings file {path} cannot be read: name another one with --config")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file can be read, but it cannot work.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// What changes at once cannot be used without what waits for the next start.
    #[error(
        "nothing can be taken over before sumun is started again:\n{waiting}\nwithout that: {problems}"
    )]
    NeedsWhatWaits {
        /// What waits, one line for each key.
        waiting: String,
        /// What is wrong as long as it waits.
        problems: String,
    },
}

/// Reads the settings file `path`, with the environment on top.
pub(crate) fn load(path: &Path, environment: &Environment) -> Result<Settings, SettingsError> {
    understand(path, &read_text(path)?, environment)
}

/// Makes settings of a text that stands in the settings file `path`, or could stand there.
fn understand(
    path: &Path,
    text: &str,
    environment: &Environment,
) -> Result<Settings, SettingsError> {
    let readable_by_all = is_readable_by_all(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    });
    let source = Source {
        name: &path.display().to_string(),
        text,
        directory: path.parent().unwrap_or(Path::new("")),
        readable_by_all: readable_by_all?,
    };
    Ok(parse(source, environment, &[])?)
}

/// The text of the settings file `path`.
fn read_text(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Parses settings, with the environment on top, and on top of that what a command `dictates`.
pub(crate) fn parse(
    source: Source<'_>,
    environment: &Environment,
    dictates: &[(&str, String)],
) -> Result<Settings, Problems> {
    let mut overrides = environment.overrides();
    overrides.retain(|replacement| dictates.iter().all(|(key, _)| replacement.path != [*key]));
    overrides.extend(dictates.iter().map(|(key, value)| Override {
        name: format!("(set by the command) {key}"),
        path: vec![(*key).to_owned()],
        value: value.clone(),
    }));
    let refuse = |mut list: Vec<Problem>| {
        list.sort_by_key(Problem::position);
        Problems {
            name: source.name.to_owned(),
            text: source.text.to_owned(),
            list,
        }
    };

    let document = Document::parse(source.text, &overrides).map_err(refuse)?;
    let (file, unread) = document.read();
    let (settings, contradictions) = check::check(&file, &source, environment);
    // What could not be read is missing now; that is no second problem.
    let contradictions = contradictions
        .into_iter()
        .filter(|(place, _)| !unread.iter().any(|(left_out, _)| place.is_within(left_out)))
        .map(|(place, message)| Problem {
            origin: document.origin(&place),
            message,
        });
    let list: Vec<_> = unread
        .iter()
        .map(|(_, problem)| problem.clone())
        .chain(contradictions)
        .collect();
    match settings {
        Some(settings) if list.is_empty() => Ok(settings),
        _ => Err(refuse(list)),
    }
}

/// Whether a text is TOML, with keys that are known.
pub(crate) fn is_well_formed(source: Source<'_>) -> bool {
    let document = Document::parse(source.text, &[]);
    document.is_ok_and(|document| document.read().1.is_empty())
}

/// Whether others than the owner and the group can read the file.
fn is_readable_by_all(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
