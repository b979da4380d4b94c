//! A caller as a token would describe them: a person of the store, a client, or whoever the options say.

use anyhow::{Context as _, bail};
use authorization_server::AuthorizationServer;
use authorization_server::manage::{Actor, ManageError, Management, UserView};
use oauth::scope::Scope;
use resource_server::Caller;
use serde_json::{Value, json};

use super::ExplainPolicy;
use super::held::IDENTITY;
use crate::settings::{Guarded, Settings, Trust};
use crate::{app, data};

/// The caller as the token of `options` would make them.
pub(super) async fn caller(
    options: &ExplainPolicy,
    settings: Settings,
    endpoint: &Guarded,
) -> anyhow::Result<Caller> {
    let scope: Option<Scope> = options.scope.as_deref().map(str::parse).transpose()?;
    let caller = match (&endpoint.trusts, &options.user, &options.subject) {
        (Trust::Foreign(foreign), Some(_), _) => bail!(
            "tokens for {} come from {}, which knows other people: say what such a token holds with \
             --subject, --scope and --claim",
            endpoint.path,
            foreign.issuer
        ),
        (Trust::Foreign(foreign), None, Some(subject)) => Caller::new(subject)
            .with_issuer(foreign.issuer.as_str())
            .with_scopes(scope.unwrap_or_default()),
        (Trust::Own, Some(username), _) => of_person(username, scope, settings, endpoint).await?,
        (_, None, Some(subject)) => Caller::new(subject)
            .with_issuer(settings.public_url().as_str())
            .with_scopes(scope.unwrap_or_default()),
        // RFC 9068 §2.2: a client that acts for itself is the subject.
        (trusts, None, None) => {
            let client = options
                .client
                .as_deref()
                .context("say who: --user, --subject or --client")?;
            let issuer = match trusts {
                Trust::Own => settings.public_url().as_str().to_owned(),
                Trust::Foreign(foreign) => foreign.issuer.as_str().to_owned(),
            };
            Caller::new(client)
                .with_issuer(issuer)
                .with_scopes(scope.unwrap_or_default())
        }
    };
    let caller = match &options.client {
        Some(client) => caller
            .with_client_id(client)
            .with_claim("client_id", client.as_str()),
        None => caller,
    };
    options.claims.iter().try_fold(caller, |caller, claim| {
        let (name, value) = claim.split_once('=').with_context(|| {
            format!("`{claim}` is no claim: write NAME=VALUE, where VALUE may be JSON")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(caller.with_claim(name, value))
    })
}

/// A person as our own tokens describe them.
pub(in crate::commands) async fn of_person(
    username: &str,
    scope: Option<Scope>,
    settings: Settings,
    endpoint: &Guarded,
) -> anyhow::Result<Caller> {
    let issuer = settings.public_url().as_str().to_owned();
    let default_role = settings.authorization_server.default_role.clone();
    let data = data::open(&settings.data).await?;
    let parts = app::parts(&data)?;
    let server = AuthorizationServer::start(settings.authorization_server, parts).await?;
    let management = server.management(Actor::Operator);
    let found = person(&management, username, &default_role).await;
    data.store.close().await;
    let (user, roles, permitted) = found?;
    if user.disabled {
        bail!(
            "{username} is disabled, so no token of theirs is accepted: sumun user change {username} --enable"
        );
    }
    let scope = scope.unwrap_or_else(|| {
        let identity: Scope = IDENTITY
            .parse()
            .expect("the scopes of OpenID are well-formed");
        permitted.intersection(&endpoint.scopes).union(&identity)
    });
    let caller = Caller::new(&*user.id)
        .with_issuer(&*issuer)
        .with_claim("iss", issuer)
        .with_claim("roles", json!(roles));
    let caller = if scope.contains("profile") {
        let caller = caller.with_claim("username", user.username.as_str());
        let caller = caller.with_claim("preferred_username", user.username.as_str());
        user.name
            .into_iter()
            .fold(caller, |caller, name| caller.with_claim("name", name))
    } else {
        caller
    };
    let caller = match user.email {
        Some(email) if scope.contains("email") => caller
            .with_claim("email", email)
            .with_claim("email_verified", user.email_verified),
        _ => caller,
    };
    Ok(caller
        .with_claim("scope", scope.to_string())
        .with_scopes(scope))
}

/// The person, the roles that are in force, and what these permit.
async fn person(
    management: &Management,
    username: &str,
    default_role: &str,
) -> anyhow::Result<(UserView, Vec<String>, Scope)> {
    let user = management.user_named(username).await?;
    let user = user.with_context(|| {
        format!("there is no user `{username}`: make one with `sumun user add {username}`")
    })?;
    let roles = if user.roles.is_empty() {
        vec![default_role.to_owned()]
    } else {
        user.roles.clone()
    };
    let mut permitted = Scope::empty();
    for role in &roles {
        match management.role(role).await {
            Ok(role) => permitted = permitted.union(&Scope::from_tokens(role.scopes)?),
            // Whoever still has a role that was removed may do nothing with it.
            Err(ManageError::Unknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok((user, roles, permitted))
}
