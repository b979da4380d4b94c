//! Clients that the operator registers.

use authorization_server::settings::PreRegisteredClient;
use oauth::client_metadata::{ClientMetadata, TokenEndpointAuthMethod};
use oauth::jwk::JwkSet;
use oauth::redirect_uri::{PrivateUseSchemes, RedirectUri};
use oauth::resource::ResourceIndicator;

use super::Check;
use super::address::collect;
use super::server::Endpoint;
use crate::settings::file::{ClientSection, SettingsFile};
use crate::settings::place::Place;

impl Check<'_> {
    pub(super) fn clients(
        &mut self,
        file: &SettingsFile,
        endpoints: Option<&[Endpoint]>,
    ) -> Option<Vec<PreRegisteredClient>> {
        let list = Place::of("clients");
        for (n, client) in file.clients.iter().enumerate() {
            let same = |other: &&ClientSection| other.client_id == client.client_id;
            if client.client_id.is_some() && file.clients[..n].iter().any(|c| same(&c)) {
                let place = list.index(n).key("client_id");
                self.refuse(
                    &place,
                    "another client has the same `client_id`: choose another one",
                );
            }
        }
        let checked = file
            .clients
            .iter()
            .enumerate()
            .map(|(n, client)| self.client(file, &list.index(n), client, endpoints));
        collect(checked)
    }

    fn client(
        &mut self,
        file: &SettingsFile,
        place: &Place,
        client: &ClientSection,
        endpoints: Option<&[Endpoint]>,
    ) -> Option<PreRegisteredClient> {
        let client_id = client.client_id.clone().filter(|id| !id.is_empty());
        if client_id.is_none() {
            self.refuse(
                &place.key("client_id"),
                "this client has no `client_id`: add one",
            );
        }
        let (secret_place, file_place) = (place.key("secret"), place.key("secret_file"));
        let secret_file = client.secret_file.as_deref();
        let has_secret = client.secret.is_some() || secret_file.is_some();
        let secret = self.secret(
            &secret_place,
            client.secret.as_ref(),
            secret_file,
            &file_place,
        );
        let method = self.auth_method(place, client, has_secret);
        let list = place.key("redirect_uris");
        let redirect_uris = self.redirect_uris(file, &list, &client.redirect_uris);
        let list = place.key("post_logout_redirect_uris");
        let after_logout = self.redirect_uris(file, &list, &client.post_logout_redirect_uris);
        let scope = match &client.scope {
            Some(tokens) => self.scope_of(file, &place.key("scope"), tokens).map(Some),
            None => Some(None),
        };
        let introspects =
            self.own_servers(&place.key("introspects"), &client.introspects, endpoints);
        let workload = self.workload(place, client);
        let exchanges_to =
            self.own_servers(&place.key("exchanges_to"), &client.exchanges_to, endpoints);

        if client.first_party
            && method == Some(TokenEndpointAuthMethod::None)
            && !redirect_uris.iter().flatten().all(RedirectUri::is_site)
        {
            // RFC 8252 §8.6: another program on that machine can use the same redirect URI.
            let message = "a first-party client skips consent, but one that has no secret and runs \
                           on people's machines cannot be told from an impostor: remove \
                           `first_party`, or leave only https redirect URIs of a web site";
            self.refuse(&place.key("first_party"), message);
        }
        let (method, workload) = (method?, workload.ok()?);
        let metadata = ClientMetadata {
            redirect_uris: redirect_uris?,
            token_endpoint_auth_method: method,
            grant_types: client.grant_types.clone(),
            response_types: vec!["code".to_owned()],
            client_name: client.client_name.clone(),
            scope: scope?,
            jwks_uri: client.jwks_uri.clone(),
            post_logout_redirect_uris: after_logout?,
            require_pushed_authorization_requests: client.require_pushed_authorization_requests,
            // A client for which an issuer signs has no keys of its own.
            jwks: workload.as_ref().map(|_| JwkSet::default()),
            ..ClientMetadata::default()
        };
        if let Err(error) = metadata.check(&PrivateUseSchemes::new(&file.private_use_schemes)) {
            self.refuse(
                place,
                format!("this client cannot work: {}", error.description),
            );
            return None;
        }
        if method.is_shared_secret() && secret.is_none() {
            if !has_secret {
                let message = "this client has no secret to authenticate with: add `secret` or \
                               `secret_file`";
                self.refuse(place, message);
            }
            return None;
        }
        Some(PreRegisteredClient {
            client_id: client_id?,
            secret: secret.map(|secret| secret.hash()),
            metadata,
            first_party: client.first_party,
            introspects: introspects?,
            exchanges_to: exchanges_to?,
            workload,
        })
    }

    fn auth_method(
        &mut self,
        place: &Place,
        client: &ClientSection,
        has_secret: bool,
    ) -> Option<TokenEndpointAuthMethod> {
        let method = match client.auth_method.as_deref() {
            None if has_secret => Ok(TokenEndpointAuthMethod::ClientSecretBasic),
            None if client.jwks_uri.is_some() || client.assertion_issuer.is_some() => {
                Ok(TokenEndpointAuthMethod::PrivateKeyJwt)
            }
            None | Some("none") => Ok(TokenEndpointAuthMethod::None),
            Some("client_secret_basic") => Ok(TokenEndpointAuthMethod::ClientSecretBasic),
            Some("client_secret_post") => Ok(TokenEndpointAuthMethod::ClientSecretPost),
            Some("private_key_jwt") => Ok(TokenEndpointAuthMethod::PrivateKeyJwt),
            Some(other) => Err(format!(
                "`{other}` is unknown: write none, client_secret_basic, client_secret_post or \
                 private_key_jwt"
            )),
        };
        self.accept(&place.key("auth_method"), method)
    }

    fn redirect_uris(
        &mut self,
        file: &SettingsFile,
        list: &Place,
        uris: &[String],
    ) -> Option<Vec<RedirectUri>> {
        let schemes = PrivateUseSchemes::new(&file.private_use_schemes);
        let parse = |(n, text): (usize, &String)| {
            self.accept(&list.index(n), RedirectUri::parse(text, &schemes))
        };
        collect(uris.iter().enumerate().map(parse))
    }

    /// The servers at `paths`.
    pub(super) fn own_servers(
        &mut self,
        list: &Place,
        paths: &[String],
        endpoints: Option<&[Endpoint]>,
    ) -> Option<Vec<ResourceIndicator>> {
        let endpoints = endpoints?;
        let find = |(n, path): (usize, &String)| {
            let endpoint = endpoints.iter().find(|endpoint| endpoint.path == *path);
            let resource = endpoint.map(|endpoint| endpoint.resource.clone());
            let reason = format!("no server has the path `{path}`: write the path of one");
            self.accept(&list.index(n), resource.ok_or(reason))
        };
        collect(paths.iter().enumerate().map(find))
    }
}
