//! What the server says about itself (RFC 8414, OpenID Connect Discovery §3).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use oauth::metadata::AuthorizationServerMetadata;
use serde_json::{Map, Value, json};

use crate::server::AuthorizationServer;

/// The same document at every alias: an `OpenID` client and an OAuth client find one server.
pub(crate) async fn get(State(server): State<AuthorizationServer>) -> Response {
    let cache = [(CACHE_CONTROL, "public, max-age=300")];
    (cache, Json(server.metadata())).into_response()
}

impl AuthorizationServer {
    /// Exactly what is served, and nothing else (acceptance A7).
    pub fn metadata(&self) -> AuthorizationServerMetadata {
        let settings = self.settings();
        let at = |path: &str| Some(settings.issuer.join(path));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let algorithms = || {
            oauth::jws::Algorithm::ALL
                .map(|alg| format!("{alg:?}"))
                .to_vec()
        };
        let confidential = [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ];
        let every = [
            "none",
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ];
        let mut other = Map::new();
        other.insert("subject_types_supported".into(), json!(["public"]));
        let signing = [format!("{:?}", settings.signing_algorithm)];
        other.insert(
            "id_token_signing_alg_values_supported".into(),
            json!(signing),
        );
        other.insert(
            "prompt_values_supported".into(),
            json!(["none", "login", "consent", "select_account"]),
        );
        let mut claims = vec![
            "sub",
            "iss",
            "auth_time",
            "username",
            "preferred_username",
            "name",
            "email",
            "email_verified",
        ];
        if !settings.identity_providers.is_empty() {
            claims.push("idp");
        }
        other.insert("claims_supported".into(), json!(claims));
        other.insert("request_uri_parameter_supported".into(), json!(false));
        other.insert(
            "revocation_endpoint_auth_signing_alg_values_supported".into(),
            json!(algorithms()),
        );
        other.insert(
            "introspection_endpoint_auth_signing_alg_values_supported".into(),
            json!(algorithms()),
        );
        let dpop = crate::possession::algorithms();
        other.insert("dpop_signing_alg_values_supported".into(), json!(dpop));
        other.extend(self.further_endpoints());
        if settings.trusts_for_people() {
            let profiles = json!([oauth::grant_type::ID_JAG_PROFILE]);
            other.insert("authorization_grant_profiles_supported".into(), profiles);
        }
        AuthorizationServerMetadata {
            issuer: settings.issuer.clone(),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            jwks_uri: at("/jwks"),
            registration_endpoint: settings.registration.as_ref().and_then(|_| at("/register")),
            revocation_endpoint: at("/revoke"),
            introspection_endpoint: at("/introspect"),
            userinfo_endpoint: at("/userinfo"),
            scopes_supported: self.catalog().scopes_in_order(),
            response_types_supported: words(&["code"]),
            response_modes_supported: words(&["query"]),
            grant_types_supported: words(&settings.grant_types()),
            token_endpoint_auth_methods_supported: words(&every),
            token_endpoint_auth_signing_alg_values_supported: algorithms(),
            revocation_endpoint_auth_methods_supported: words(&every),
            introspection_endpoint_auth_methods_supported: words(&confidential),
            code_challenge_methods_supported: words(&["S256"]),
            ui_locales_supported: words(&["en", "ko"]),
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: settings.client_id_metadata_documents,
            other,
        }
    }

    /// The endpoints of standards that came after RFC 8414.
    fn further_endpoints(&self) -> Map<String, Value> {
        let settings = self.settings();
        let mut members = Map::new();
        let mut at = |member: &str, path: &str| {
            members.insert(member.to_owned(), json!(settings.issuer.join(path)));
        };
        if settings.device_authorization.is_some() {
            at("device_authorization_endpoint", "/device_authorization");
        }
        at("pushed_authorization_request_endpoint", "/par");
        at("end_session_endpoint", "/logout");
        members.insert(
            "require_pushed_authorization_requests".into(),
            json!(settings.require_pushed_authorization_requests),
        );
        members
    }
}
