//! `grant_type=…:token-exchange`: a resource server goes on in the name of its caller (RFC 8693).
//!
//! A gateway holds a token that is good for itself alone. Here it gets one for the next resource,
//! which says on whose behalf (`sub`), by whose hands (`act`) and can do no more than the first:
//! a part of its scope, until its end, and as long as its grant lives.

use oauth::actor::Actor;
use oauth::error::OAuthError;
use oauth::jwt::AccessTokenClaims;
use oauth::messages::TokenResponse;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::time::NumericDate;
use oauth::token_type;

use super::unsigned;
use crate::access_token::Exchange;
use crate::catalog::Catalog;
use crate::client::Client;
use crate::error::EndpointError;
use crate::form::{Parameters, malformed};
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::settings::Resource;
use crate::text::identity_scope;

/// More hands than any sensible chain of resource servers has.
const MAX_ACTORS: usize = 8;

pub(super) async fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let issued_token_type = issued_token_type(form)?;
    let catalog = server.catalog();
    let target = target(&catalog, client, form)?;
    let subject = subject(server, client, form).await?;
    binding.require_any_after(&subject)?;
    let (actor, actor_expires_at) = actor(server, client, form).await?;
    let next = Successor {
        client,
        subject: &subject,
        actor,
        target,
        asked: form.get("scope"),
        ends_by: actor_expires_at,
        binding,
    };
    let (access_token, expires_in, scope) = server.succeed(&catalog, next).await?;
    Ok(TokenResponse {
        access_token,
        token_type: binding.token_type().to_owned(),
        expires_in,
        // Who holds the subject token comes again; the chain must not outlive it.
        refresh_token: None,
        scope,
        id_token: None,
        issued_token_type: Some(issued_token_type.to_owned()),
    })
}

/// The token that takes the place of another one, which is known to be good.
pub(crate) struct Successor<'a> {
    /// Who asks for it.
    pub(crate) client: &'a Client,
    /// What the other one says.
    pub(crate) subject: &'a AccessTokenClaims,
    /// Who acts with it.
    pub(crate) actor: Actor,
    /// What it is for.
    pub(crate) target: &'a Resource,
    /// The scope that is asked for; all that is left where nobody says.
    pub(crate) asked: Option<&'a str>,
    /// When it ends at the latest.
    pub(crate) ends_by: NumericDate,
    pub(crate) binding: &'a Binding,
}

impl AuthorizationServer {
    /// Makes a successor: it can do no more than the other one, and ends no later. The token, the
    /// seconds until it ends, and its scope.
    pub(crate) async fn succeed(
        &self,
        catalog: &Catalog,
        next: Successor<'_>,
    ) -> Result<(String, u64, Scope), EndpointError> {
        let Successor {
            client,
            subject,
            target,
            ..
        } = next;
        let before =
            Actor::of(&subject.other).map_err(|error| subject_refused(&error.to_string()))?;
        let actor = next.actor.after(before);
        if actor.depth() > MAX_ACTORS {
            return Err(subject_refused(&format!(
                "the subject token has gone through {MAX_ACTORS} hands already, which is the limit"
            )));
        }
        let Some(user) = self.users().find(&subject.sub).await? else {
            return Err(subject_refused("the subject token speaks for nobody known"));
        };
        let permitted = subject.scope.intersection(&user.permitted_scope(catalog));
        let scope = scope(client, next.asked, target, &permitted)?;
        let now = self.now();
        let own_end = now.plus(self.access_token_lifetime());
        let expires_at = own_end.min(subject.exp).min(next.ends_by);
        let expires_in = expires_at.since(now).as_secs();
        if expires_in == 0 {
            return Err(subject_refused("the token is about to expire"));
        }
        let access_token = self
            .mint_exchanged(&Exchange {
                subject,
                user: &user,
                client_id: &client.client_id,
                audience: &target.indicator,
                scope: &scope,
                actor,
                expires_at,
                binding: next.binding,
            })
            .map_err(unsigned)?;
        tracing::info!(
            client.id = client.client_id,
            user.id = subject.sub,
            resource = target.indicator.as_str(),
            "token exchanged"
        );
        Ok((access_token, expires_in, scope))
    }
}

/// RFC 8693 §2.1: what is asked for. Our access tokens are JWTs, so both names fit.
fn issued_token_type(form: &Parameters) -> Result<&str, EndpointError> {
    match form.get("requested_token_type") {
        None => Ok(token_type::ACCESS_TOKEN),
        Some(asked) if is_access_token(asked) => Ok(asked),
        Some(_) => Err(type_refused("requested_token_type")),
    }
}

/// The one resource that `resource` or `audience` names, if the operator lets the client go there.
fn target<'a>(
    catalog: &'a Catalog,
    client: &Client,
    form: &Parameters,
) -> Result<&'a Resource, EndpointError> {
    let refused = |text: &str| {
        let error = OAuthError::invalid_target(text);
        EndpointError::new(Reason::ResourceRefused, error)
    };
    let named = match (form.get("resource"), form.get("audience")) {
        (None, None) => {
            return Err(malformed(
                "name the resource that the token is for: resource is missing",
            ));
        }
        (Some(one), None) | (None, Some(one)) => one,
        // RFC 8693 §2.1 adds the two up; a token of ours is for one resource.
        (Some(resource), Some(audience)) if same_resource(resource, audience) => resource,
        _ => return Err(refused("resource and audience name different resources")),
    };
    let resource = ResourceIndicator::parse(named).ok();
    let resource = resource.and_then(|named| catalog.resource(&named));
    // Whether a resource exists is nobody's business who may not go there.
    resource
        .filter(|resource| client.may_exchange_to(&resource.indicator))
        .ok_or_else(|| refused("this client may not exchange tokens for that resource"))
}

fn same_resource(one: &str, other: &str) -> bool {
    let canonical = ResourceIndicator::parse(one);
    canonical.is_ok() && canonical == ResourceIndicator::parse(other)
}

/// The subject token: a person's, alive, and given to a resource that the client answers for.
async fn subject(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
) -> Result<AccessTokenClaims, EndpointError> {
    let token = form.require("subject_token")?;
    if !is_access_token(form.require("subject_token_type")?) {
        return Err(type_refused("subject_token_type"));
    }
    let claims = server.inspect(token).await?.ok_or_else(|| {
        subject_refused("subject_token is not an access token of this server, or no longer good")
    })?;
    // Whoever merely finds a token must not be able to go further with it.
    if !client.may_introspect(&claims.aud) {
        let text = "subject_token was not issued for a resource of this client";
        return Err(subject_refused(text));
    }
    // A client that acts for itself can do so anywhere by itself, and has no grant to revoke.
    if claims.grant_id.is_none() {
        return Err(subject_refused("subject_token does not speak for a person"));
    }
    Ok(claims)
}

/// Who acts: the client itself, or the program whose token it shows; and until when it may.
async fn actor(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
) -> Result<(Actor, NumericDate), EndpointError> {
    let refused = |text: &str| {
        let error = OAuthError::invalid_request(text);
        EndpointError::new(Reason::ActorTokenRefused, error)
    };
    let (token, kind) = match (form.get("actor_token"), form.get("actor_token_type")) {
        (None, None) => {
            return Ok((Actor::new(client.client_id.as_str()), NumericDate(i64::MAX)));
        }
        (Some(token), Some(kind)) => (token, kind),
        // RFC 8693 §2.1: one is required with the other, and must not come without it.
        _ => {
            return Err(malformed(
                "actor_token and actor_token_type belong together",
            ));
        }
    };
    if !is_access_token(kind) {
        return Err(type_refused("actor_token_type"));
    }
    let claims = server.inspect(token).await?.ok_or_else(|| {
        refused("actor_token is not an access token of this server, or no longer good")
    })?;
    let is_own = claims.client_id.as_deref() == Some(&client.client_id);
    if !is_own && !client.may_introspect(&claims.aud) {
        return Err(refused(
            "actor_token was issued neither to this client nor for a resource of it",
        ));
    }
    // A person who acts for another would need the other's word, which nobody can give here.
    if claims.grant_id.is_some() {
        return Err(refused(
            "actor_token speaks for a person, not for a program",
        ));
    }
    Ok((Actor::new(claims.sub), claims.exp))
}

/// What is left of the subject token's scope at the target, or the part of it that is asked for.
fn scope(
    client: &Client,
    asked: Option<&str>,
    target: &Resource,
    permitted: &Scope,
) -> Result<Scope, EndpointError> {
    let refused =
        |text: &str| EndpointError::new(Reason::ScopeRefused, OAuthError::invalid_scope(text));
    let means_something =
        |token: &&str| target.scopes.contains(token) || identity_scope(token).is_some();
    let possible = Scope::from_tokens(permitted.iter().filter(means_something))
        .expect("a part of a well-formed scope is well-formed");
    let possible = client.within_limit(possible);
    let scope = match asked.map(str::parse::<Scope>) {
        None => possible,
        Some(Ok(asked)) if asked.is_subset(&possible) => asked,
        Some(_) => {
            return Err(refused(&format!(
                "of the subject token's scope, this can be asked for: {possible}"
            )));
        }
    };
    if scope.is_empty() && !target.scopes.is_empty() {
        return Err(refused(
            "nothing in the subject token's scope means anything to the resource",
        ));
    }
    Ok(scope)
}

fn is_access_token(kind: &str) -> bool {
    matches!(kind, token_type::ACCESS_TOKEN | token_type::JWT)
}

fn type_refused(parameter: &str) -> EndpointError {
    let text = format!(
        "{parameter} must be {} or {}",
        token_type::ACCESS_TOKEN,
        token_type::JWT
    );
    EndpointError::new(
        Reason::TokenTypeUnsupported,
        OAuthError::invalid_request(text),
    )
}

/// RFC 8693 §2.2.2: whatever is wrong with the token, the code is `invalid_request`.
fn subject_refused(text: &str) -> EndpointError {
    EndpointError::new(
        Reason::SubjectTokenRefused,
        OAuthError::invalid_request(text),
    )
}
