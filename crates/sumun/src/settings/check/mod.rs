//! From [`SettingsFile`] to [`Settings`]: what is dangerous or contradicts itself is refused.

mod address;
mod api;
mod audit;
mod client;
mod credential;
mod delegation;
mod gateway;
mod identity_provider;
mod lifetime;
mod pii;
mod policy;
mod program;
mod scope;
mod server;
mod trust;
mod trusted_issuer;
mod upstream;

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use authorization_server::settings as authorization;
use oauth::jws::Algorithm;
use oauth::redirect_uri::PrivateUseSchemes;
use oauth::secret::Secret;

use super::environment::Environment;
use super::file::SettingsFile;
use super::place::Place;
use super::{Log, LogFormat, Settings, Source, is_readable_by_all};

/// What is wrong, and where.
type Contradiction = (Place, String);

/// Makes settings of the file, or says everything that stands against it.
pub(super) fn check(
    file: &SettingsFile,
    source: &Source<'_>,
    environment: &Environment,
) -> (Option<Settings>, Vec<Contradiction>) {
    let mut check = Check {
        source,
        environment,
        contradictions: Vec::new(),
    };
    let settings = check.settings(file);
    (settings, check.contradictions)
}

/// The check on its way through the file.
struct Check<'a> {
    source: &'a Source<'a>,
    environment: &'a Environment,
    contradictions: Vec<Contradiction>,
}

impl Check<'_> {
    /// Every part is checked before the first missing one ends it, so that all problems are told.
    fn settings(&mut self, file: &SettingsFile) -> Option<Settings> {
        let issuer = self.public_url(file);
        let listen = self.listen(file, issuer.as_ref());
        let data = self.data(file);
        let log = self.log(file);
        let audit = self.audit(file, data.as_deref());
        let pii = self.pii(file);
        let metrics = self.metrics(file, listen);
        let traces = self.traces(file);
        let allowed_origins = self.origins(file);
        let trusted_proxies = self.proxies(file);
        let max_connections_per_address = self.connections(file);
        let lifetimes = self.lifetimes(file);
        let registration = self.registration(file);
        let device_authorization = self.device_authorization(file);
        let signing_algorithm = self.signing_algorithm(file);
        let scopes = self.scopes(file);
        let roles = self.roles(file);
        let servers = issuer
            .as_ref()
            .and_then(|issuer| self.servers(file, issuer));
        let gateway = match &issuer {
            Some(issuer) => self.gateway(file, issuer, servers.as_deref().unwrap_or_default()),
            None => None,
        };
        let endpoints = match (&servers, &gateway) {
            (Some(servers), Some(gateway)) => Some(server::endpoints(servers, gateway.as_ref())),
            _ => None,
        };
        let endpoints = endpoints.as_deref();
        let default = endpoints.and_then(|endpoints| self.default_resource(file, endpoints));
        let clients = self.clients(file, endpoints);
        let identity_providers = self.identity_providers(file);
        let trusted_issuers = self.trusted_issuers(file, endpoints);
        let resources = self.resources(endpoints.unwrap_or_default(), default.as_ref());
        let (issuer, mut servers, mut gateway) = (issuer?, servers?, gateway?);
        if let (Some(providers), Some(listen)) = (&identity_providers, listen) {
            self.apis(file, &mut servers, providers, &issuer, listen);
            self.delegation(file, gateway.as_mut(), providers);
        }

        let mut settings = authorization::Settings::new(issuer, resources);
        settings.scopes = scopes;
        settings.roles = roles?;
        settings.default_role.clone_from(&file.default_role);
        settings.clients = clients?;
        settings.identity_providers = identity_providers?;
        settings.password_sign_in = file.password_sign_in;
        settings.trusted_issuers = trusted_issuers?;
        settings.lifetimes = lifetimes?;
        settings.signing_algorithm = signing_algorithm?;
        settings.registration = file.registration.enabled.then_some(registration?);
        settings.device_authorization = file
            .device_authorization
            .enabled
            .then_some(device_authorization?);
        settings.require_pushed_authorization_requests = file.require_pushed_authorization_requests;
        settings.dpop_nonce_required = file.dpop_nonce_required;
        settings.management = file.management.enabled;
        settings.client_id_metadata_documents = file.client_id_metadata_documents;
        settings.private_use_schemes = PrivateUseSchemes::new(&file.private_use_schemes);
        // What is told with its exact place already need not be told again.
        if let Err(error) = settings.check()
            && self.contradictions.is_empty()
        {
            let place = place_of(&error, &settings);
            self.refuse(&place, error.to_string());
            return None;
        }
        Some(Settings {
            listen: listen?,
            data: data?,
            log: log?,
            audit: audit?,
            pii: pii?,
            child_environment: self.environment.for_children(),
            metrics,
            traces,
            allowed_origins: allowed_origins?,
            trusted_proxies: trusted_proxies?,
            max_connections_per_address,
            authorization_server: settings,
            servers,
            gateway,
            default_resource: default?,
        })
    }

    fn refuse(&mut self, place: &Place, message: impl Into<String>) {
        self.contradictions.push((place.clone(), message.into()));
    }

    /// The value, or a refusal that names the place and says why.
    fn accept<T, E: Display>(&mut self, place: &Place, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse(place, format!("`{place}`: {reason}"));
                None
            }
        }
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, place: &Place, text: &str) -> Option<T> {
        self.accept(place, text.parse())
    }

    fn data(&mut self, file: &SettingsFile) -> Option<PathBuf> {
        match file.data.as_deref() {
            Some(path) if !path.is_empty() => Some(self.source.directory.join(path)),
            _ => {
                let message = "`data` is missing: name the directory for the store and its keys, \
                               such as data = \"/var/lib/sumun\"";
                self.refuse(&Place::of("data"), message);
                None
            }
        }
    }

    fn log(&mut self, file: &SettingsFile) -> Option<Log> {
        let place = Place::of("log");
        let format = match file.log.format.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("`{other}` is no format: write text or json")),
        };
        let format = self.accept(&place.key("format"), format);
        let level = match file.log.level.as_str() {
            "error" => Ok(tracing::Level::ERROR),
            "warn" => Ok(tracing::Level::WARN),
            "info" => Ok(tracing::Level::INFO),
            "debug" => Ok(tracing::Level::DEBUG),
            "trace" => Ok(tracing::Level::TRACE),
            other => Err(format!(
                "`{other}` is no level: write error, warn, info, debug or trace"
            )),
        };
        let level = self.accept(&place.key("level"), level);
        Some(Log {
            format: format?,
            level: level?,
        })
    }

    fn signing_algorithm(&mut self, file: &SettingsFile) -> Option<Algorithm> {
        let algorithm = match file.signing_algorithm.as_str() {
            "EdDSA" => Ok(Algorithm::EdDSA),
            "ES256" => Ok(Algorithm::ES256),
            other => Err(format!(
                "tokens are not signed with `{other}`: write EdDSA or ES256"
            )),
        };
        self.accept(&Place::of("signing_algorithm"), algorithm)
    }

    /// A secret: as it stands, from a variable, or from a file.
    ///
    /// Nothing in the messages comes from the secret itself.
    fn secret(
        &mut self,
        place: &Place,
        written: Option<&Secret>,
        file: Option<&str>,
        file_place: &Place,
    ) -> Option<Secret> {
        match (written, file) {
            (Some(_), Some(_)) => {
                self.refuse(
                    file_place,
                    format!("`{place}` and `{file_place}` are both set: keep one of them"),
                );
                None
            }
            (Some(written), None) => self.written_secret(place, written),
            (None, Some(file)) => self.secret_file(file_place, file),
            (None, None) => None,
        }
    }

    fn written_secret(&mut self, place: &Place, written: &Secret) -> Option<Secret> {
        let text = written.expose();
        if let Some(name) = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
        {
            let value = self.environment.get(name).filter(|value| !value.is_empty());
            let value = value.map(Secret::from);
            return self.accept(
                place,
                value.ok_or_else(|| {
                    format!("the environment variable {name} is not set: set it, or use a file")
                }),
            );
        }
        if text.is_empty() {
            self.refuse(place, format!("`{place}` is empty"));
            return None;
        }
        if self.source.readable_by_all {
            let name = self.source.name;
            self.refuse(
                place,
                format!(
                    "`{place}` stands in a file that everybody on this machine can read: \
                     chmod o-r {name}, or write \"${{NAME}}\" and set that environment variable"
                ),
            );
            return None;
        }
        Some(written.clone())
    }

    fn secret_file(&mut self, place: &Place, file: &str) -> Option<Secret> {
        let path = self.source.directory.join(file);
        let path_shown = path.display();
        let read = || -> Result<Secret, String> {
            let unreadable = |error| format!("the file {path_shown} cannot be read: {error}");
            if is_readable_by_all(&path).map_err(unreadable)? {
                return Err(format!(
                    "everybody can read the secret: chmod o-r {path_shown}"
                ));
            }
            let text = Secret::from(std::fs::read_to_string(&path).map_err(unreadable)?);
            match text.expose().lines().next() {
                Some(line) if !line.is_empty() => Ok(Secret::from(line)),
                _ => Err(format!(
                    "the file {path_shown} has no secret in its first line"
                )),
            }
        };
        self.accept(place, read())
    }
}

/// Where the operator finds what the authorization server objects to.
fn place_of(error: &authorization::SettingsError, settings: &authorization::Settings) -> Place {
    use authorization::SettingsError;
    match error {
        SettingsError::NoResource => Place::of("servers"),
        SettingsError::UnknownDefaultRole(_) => Place::of("default_role"),
        SettingsError::SigningAlgorithm(_) => Place::of("signing_algorithm"),
        SettingsError::NobodyCanSignIn => Place::of("password_sign_in"),
        SettingsError::ClientIdIsUrl(client_id) | SettingsError::Client { client_id, .. } => {
            let index = settings
                .clients
                .iter()
                .position(|client| client.client_id == *client_id);
            Place::of("clients").index(index.unwrap_or_default())
        }
        SettingsError::TrustedIssuer { issuer, .. } => {
            let mut trusted = settings.trusted_issuers.iter();
            let index = trusted.position(|trusted| trusted.issuer == *issuer);
            Place::of("trusted_issuers").index(index.unwrap_or_default())
        }
        // The rest is about scopes; the message names which.
        _ => Place::of("scopes"),
    }
}
