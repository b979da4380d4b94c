//! APIs that servers call: where they are, and with whose credentials they are called.

use std::net::SocketAddr;

use authorization_server::identity_provider::IdentityProviderSettings;
use delegation::ApiClient;
use oauth::address::{is_loopback, is_protected};
use oauth::client::fetch::Fetch;
use oauth::issuer::Issuer;
use oauth::secret::Secret;
use url::Url;

use super::Check;
use crate::settings::api::{Api, Service};
use crate::settings::file::{ServerSection, SettingsFile};
use crate::settings::place::Place;
use crate::settings::{Server, ServerKind, Trust};

/// Where Naver's API is.
const NAVER: &str = "https://openapi.naver.com";

/// What the API of one server is checked against.
struct Surroundings<'a> {
    kind: ServerKind,
    trust: &'a Trust,
    providers: &'a [IdentityProviderSettings],
    issuer: &'a Issuer,
    listen: SocketAddr,
}

impl Check<'_> {
    /// The APIs of `servers`, which stand in the order of the file.
    pub(super) fn apis(
        &mut self,
        file: &SettingsFile,
        servers: &mut [Server],
        providers: &[IdentityProviderSettings],
        issuer: &Issuer,
        listen: SocketAddr,
    ) {
        let list = Place::of("servers");
        for (n, (server, section)) in servers.iter_mut().zip(&file.servers).enumerate() {
            let place = list.index(n);
            let around = Surroundings {
                kind: server.kind,
                trust: &server.trusts,
                providers,
                issuer,
                listen,
            };
            if server.kind.calls_api() {
                server.api = self.api(&place, section, &around);
            } else {
                self.no_api(&place, section);
            }
        }
    }

    fn api(
        &mut self,
        place: &Place,
        section: &ServerSection,
        around: &Surroundings<'_>,
    ) -> Option<Api> {
        let is_naver = around.kind == ServerKind::Naver;
        if matches!(around.trust, Trust::Foreign(_)) {
            let message = "this server calls an API as the person who called, and people connect \
                           their accounts here: remove `authorization_server`";
            self.refuse(&place.key("authorization_server"), message);
        }
        let usual = is_naver.then_some(NAVER);
        let url = section.api.as_deref().or(usual);
        let url = self.accept(
            &place.key("api"),
            url.ok_or("write the address of the API, such as https://api.example.com"),
        );
        let url = url.and_then(|url| self.api_url(&place.key("api"), url));
        let provider = section.identity_provider.as_deref();
        let provider = provider.or(is_naver.then_some("naver")).unwrap_or_default();
        let found = around.providers.iter().find(|known| known.id == provider);
        let found = self.accept(
            &place.key("identity_provider"),
            found.ok_or_else(|| {
                format!(
                    "there is no identity provider `{provider}` at which people could connect \
                     their accounts: write the `id` of one of [[identity_providers]]"
                )
            }),
        );
        let service = self.service(place, section, found.filter(|_| is_naver), is_naver);
        let timeout = self.duration(&place.key("api_timeout"), &section.api_timeout);
        if section.skip_api_authentication {
            self.only_here(place, around);
        }
        Some(Api {
            url: url?,
            service: service?,
            identity_provider: found?.id.clone(),
            timeout: timeout?,
            skips_authentication: section.skip_api_authentication,
        })
    }

    /// Tokens of people go there, so nobody on the way may read them.
    fn api_url(&mut self, place: &Place, text: &str) -> Option<String> {
        let fetch = self.accept(place, Fetch::new())?;
        self.accept(place, ApiClient::new(text, fetch))?;
        let message =
            "tokens of people would cross the network in the clear: write an https address";
        self.accept(
            place,
            is_protected(text).then(|| text.to_owned()).ok_or(message),
        )
    }

    /// The credentials of the service; Naver's are those of the application that signs people in.
    fn service(
        &mut self,
        place: &Place,
        section: &ServerSection,
        usual: Option<&IdentityProviderSettings>,
        is_naver: bool,
    ) -> Option<Service> {
        let secret_place = place.key("api_client_secret");
        let written: Option<Secret> = self.secret(
            &secret_place,
            section.api_client_secret.as_ref(),
            section.api_client_secret_file.as_deref(),
            &place.key("api_client_secret_file"),
        );
        let client_id = section.api_client_id.clone();
        let client_id = client_id.or_else(|| usual.map(|usual| usual.client_id.clone()));
        let secret = written.or_else(|| usual.and_then(|usual| usual.client_secret.clone()));
        let endpoint = section.api_token_endpoint.clone();
        if endpoint.is_none() && !is_naver {
            let message = "the service gets its own tokens for the API (RFC 6749 §4.4): write where, \
                           as `api_token_endpoint`";
            self.refuse(&place.key("api_token_endpoint"), message);
        }
        let pair = client_id.zip(secret);
        let reason = "the service needs credentials of its own at the API: add `api_client_id` and \
                      `api_client_secret`";
        let (client_id, client_secret) = self.accept(&secret_place, pair.ok_or(reason))?;
        Some(Service {
            client_id,
            client_secret,
            token_endpoint: endpoint,
        })
    }

    /// A switch for development is of no danger where nobody else comes.
    fn only_here(&mut self, place: &Place, around: &Surroundings<'_>) {
        let is_here = Url::parse(around.issuer.as_str()).is_ok_and(|url| is_loopback(&url));
        if !is_here || !around.listen.ip().is_loopback() {
            let message = "`skip_api_authentication` is for development: with it, calls carry nobody's \
                           credential, and everybody sees the same. It works only with a `public_url` \
                           and a `listen` on this machine: remove it";
            self.refuse(&place.key("skip_api_authentication"), message);
        }
    }

    /// Who writes these keys believes that an API is called, which would not be so.
    fn no_api(&mut self, place: &Place, section: &ServerSection) {
        let keys = [
            ("api", section.api.is_some()),
            ("api_client_id", section.api_client_id.is_some()),
            ("api_client_secret", section.api_client_secret.is_some()),
            (
                "api_client_secret_file",
                section.api_client_secret_file.is_some(),
            ),
            ("api_token_endpoint", section.api_token_endpoint.is_some()),
            ("identity_provider", section.identity_provider.is_some()),
            ("skip_api_authentication", section.skip_api_authentication),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
            let message =
                format!("`{key}` is for servers that call an API, hybrid and naver: remove it");
            self.refuse(&place.key(key), message);
        }
    }
}
