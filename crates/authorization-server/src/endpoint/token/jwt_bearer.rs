//! `grant_type=…:jwt-bearer`: an issuer that we trust speaks for a person or for a program
//! (RFC 7523 §2.1).
//!
//! The type of the assertion says which: an ID-JAG is a person's, whose identity provider lets the
//! client act for them; any other is a workload's, which proves with it who it is.

use oauth::error::OAuthError;
use oauth::messages::TokenResponse;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;

use super::{client_credentials, unsigned};
use crate::assertion::id_jag::{IdJag, IdJagError, is_id_jag};
use crate::assertion::{AssertionError, Unverified};
use crate::catalog::Catalog;
use crate::client::Client;
use crate::client_authentication::proof_in_grant;
use crate::error::EndpointError;
use crate::form::Parameters;
use crate::grant::{Approval, FromAssertion};
use crate::possession::Binding;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::settings::Resource;
use crate::text::identity_scope;
use crate::user::{Admission, IdentityError};

pub(super) async fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let assertion = form.require("assertion")?;
    let unverified = Unverified::read(assertion).ok_or(AssertionError::Claims);
    let unverified = unverified.map_err(EndpointError::from_grant)?;
    if is_id_jag(&unverified) {
        let read = server.read_id_jag(client, assertion, &unverified).await;
        let id_jag = read.map_err(from_id_jag)?;
        return for_person(server, client, form, &id_jag, binding).await;
    }
    // The client was authenticated by this very assertion, or the assertion is for nothing.
    if client.workload().is_none() || proof_in_grant(form).is_none() {
        return Err(EndpointError::from_grant(AssertionError::Type));
    }
    client_credentials::exchange(server, client, form, binding)
}

/// ID-JAG §4.4: an access token for the person, and a grant that they can see and revoke. No refresh
/// token: whether the client still may is for the identity provider to say, each time.
async fn for_person(
    server: &AuthorizationServer,
    client: &Client,
    form: &Parameters,
    id_jag: &IdJag<'_>,
    binding: &Binding,
) -> Result<TokenResponse, EndpointError> {
    let catalog = server.catalog();
    let management = server.settings().management_resource();
    let resource = resource(&catalog, management.as_ref(), id_jag, form)?;
    let possible = possible_scope(client, id_jag, resource);
    let asked = asked_scope(form, &possible)?;
    server
        .use_once(&id_jag.assertion)
        .await
        .map_err(EndpointError::from_grant)?;

    let admission = Admission {
        provider: &id_jag.people.identity_provider,
        sign_up: id_jag.people.sign_up,
        // An address never decides who somebody is without a page that asks them.
        link_by_verified_email: false,
    };
    let arrived = server.users().arrive(admission, &id_jag.identity).await;
    let user = arrived.map_err(from_identity)?;
    let scope = asked.intersection(&user.permitted_scope(&catalog));
    if scope.is_empty() && !resource.scopes.is_empty() {
        return Err(scope_refused(
            "the roles of the person allow nothing of what is asked for",
        ));
    }
    let approval = Approval {
        subject: user.subject.clone(),
        scope: scope.clone(),
        authenticated_at: id_jag.authenticated_at,
        identity_provider: Some(id_jag.people.identity_provider.clone()),
    };
    let from = FromAssertion {
        client_id: &client.client_id,
        issuer: &id_jag.assertion.iss,
        resource: &resource.indicator,
        approval: &approval,
    };
    let grant = server.grants().begin_from_assertion(from).await?;
    tracing::info!(
        grant.id = grant.id,
        client.id = client.client_id,
        user.id = user.subject,
        issuer = id_jag.assertion.iss,
        "an issuer let a client act for a person"
    );
    Ok(TokenResponse {
        access_token: server
            .mint_for_user(&grant, &approval, &user, &scope, binding)
            .map_err(unsigned)?,
        token_type: binding.token_type().to_owned(),
        expires_in: server.access_token_lifetime().as_secs(),
        refresh_token: None,
        scope,
        id_token: None,
        issued_token_type: None,
    })
}

/// The one resource that the assertion names and its issuer may open (MCP enterprise-managed
/// authorization §7.6): `aud` and `resource` belong together.
fn resource<'a>(
    catalog: &'a Catalog,
    management: Option<&ResourceIndicator>,
    id_jag: &IdJag<'_>,
    form: &Parameters,
) -> Result<&'a Resource, EndpointError> {
    let refused = |text: &str| {
        let error = OAuthError::invalid_grant(text);
        EndpointError::new(Reason::AssertionRefused, error)
    };
    let allowed = &id_jag.people.resources;
    let named = match (id_jag.resources.as_slice(), allowed.as_slice()) {
        ([one], _) | ([], [one]) => one,
        ([], _) => return Err(refused("the assertion names no resource")),
        _ => return Err(refused("the assertion names more than one resource")),
    };
    // Nobody manages this server without having been asked here.
    if management == Some(named) || (!allowed.is_empty() && !allowed.contains(named)) {
        return Err(refused("its issuer may not open that resource"));
    }
    let resource = catalog.resource(named);
    let resource = resource.ok_or_else(|| {
        refused("the assertion is for a resource that this server issues no tokens for")
    })?;
    let asked = form.get("resource").map(ResourceIndicator::parse);
    if asked.is_some_and(|asked| asked.as_ref() != Ok(named)) {
        let error = OAuthError::invalid_target(format!("the assertion is for {named} only"));
        return Err(EndpointError::new(Reason::ResourceRefused, error));
    }
    Ok(resource)
}

/// What can be granted of what the assertion says, before anybody knows the person's roles.
fn possible_scope(client: &Client, id_jag: &IdJag<'_>, resource: &Resource) -> Scope {
    let said = id_jag.scope.clone().unwrap_or_default();
    let means_something =
        |token: &&str| resource.scopes.contains(token) || identity_scope(token).is_some();
    let possible = Scope::from_tokens(said.iter().filter(means_something))
        .expect("a part of a well-formed scope is well-formed");
    client.within_limit(possible)
}

/// MCP enterprise-managed authorization §7.2.1: what is both asked for and in the assertion.
fn asked_scope(form: &Parameters, possible: &Scope) -> Result<Scope, EndpointError> {
    let Some(asked) = form.get("scope") else {
        return Ok(possible.clone());
    };
    let asked: Scope = asked
        .parse()
        .map_err(|_| scope_refused("the scope holds a character that RFC 6749 does not allow"))?;
    let both = asked.intersection(possible);
    if both.is_empty() {
        let text = format!("of the assertion's scope, this can be asked for: {possible}");
        return Err(scope_refused(&text));
    }
    Ok(both)
}

fn scope_refused(text: &str) -> EndpointError {
    EndpointError::new(Reason::ScopeRefused, OAuthError::invalid_scope(text))
}

fn from_id_jag(error: IdJagError) -> EndpointError {
    match error {
        IdJagError::Assertion(error) => EndpointError::from_grant(error),
        error => {
            let text = format!("the assertion is refused: {error}");
            EndpointError::new(Reason::AssertionRefused, OAuthError::invalid_grant(text))
        }
    }
}

fn from_identity(error: IdentityError) -> EndpointError {
    match error {
        IdentityError::Store(error) => error.into(),
        error => {
            let text = "the person is not known here; they have to sign in here once";
            let refusal = OAuthError::invalid_grant(text);
            EndpointError::new(Reason::IdentityUnknown, refusal).with_cause(error)
        }
    }
}

impl EndpointError {
    /// A grant that is an assertion, and not one to rest anything on (RFC 7521 §4.1.1).
    pub(crate) fn from_grant(error: AssertionError) -> Self {
        let reason = match error {
            AssertionError::Store(error) => return error.into(),
            AssertionError::NotAsked(error) => return error.into(),
            AssertionError::Keys(error) => return Self::issuer_unavailable(error.retry_after),
            AssertionError::UsedBefore => Reason::AssertionReplayed,
            _ => Reason::AssertionRefused,
        };
        let text = format!("the assertion is refused: {error}");
        Self::new(reason, OAuthError::invalid_grant(text)).with_cause(error)
    }
}
