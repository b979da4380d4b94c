//! The gateway, wired: each upstream with its guard, and the policy over all of them.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use authorization_server::{AuthorizationServer, Revocation};
use gateway::policy::Policy;
use gateway::upstream::{Accounts, HttpClient, SignIdentity, UpstreamParts, UpstreamSettings};
use gateway::{Exposed, Gateway, Mount, Parts, Plan, Revoked, SessionKeys};
use oauth::random::{OsRandom, Random as _};
use oauth::time::{Clock as _, SystemClock};
use pii::{FernetKey, FernetKeys, Redactor, Sealing};
use resource_server::VerifyToken;
use serde_json::Value;
use store::Collection;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Wiring;
use super::derived::{Derived, Named};
use super::servers;
use crate::data::PERSONAL_DATA;
use crate::settings::reload::Change;
use crate::settings::{self, Guarded, Settings};

/// How many children may start at once: starting is what costs most.
const STARTS: usize = 4;

/// Builds the gateway that the settings ask for. Where they ask for none it has nothing behind it, so that
/// something can come while the house runs.
pub(super) fn build(
    settings: &Settings,
    wiring: &Wiring<'_>,
    stop: &CancellationToken,
) -> anyhow::Result<Gateway> {
    let session_keys = Derived::of(&wiring.data.keys, "mcp session", session_keys)?;
    let clock = Arc::new(SystemClock);
    let parts = Parts {
        clock: Arc::clone(&clock) as _,
        random: Arc::new(OsRandom),
        tasks: wiring.tasks.clone(),
        closing: stop.clone(),
        session_keys: SessionKeys::following(move || (*session_keys.now()).clone()),
        audit: wiring.audit.cloned(),
        pins: Some(Collection::new(
            Arc::clone(&wiring.data.store) as _,
            Arc::clone(&wiring.data.keys),
        )),
        upstreams: UpstreamParts {
            http: HttpClient::new().context("no connection to upstreams can be made")?,
            fetch: wiring.fetch.clone(),
            clock,
            random: Arc::new(OsRandom),
            issuer: settings.public_url().as_str().to_owned(),
            signer: Some(Arc::new(OwnSigner(wiring.authorization_server.clone()))),
            accounts: Some(Accounts {
                tokens: wiring.authorization_server.valid_tokens().clone(),
                pages: Arc::new(wiring.authorization_server.clone()),
            }),
            environment: settings.child_environment.clone(),
            starts: Arc::new(Semaphore::new(STARTS)),
        },
    };
    let gateway = Gateway::new(plan(settings, wiring, |_| false)?, parts)?;
    let wanted = settings.gateway.iter();
    for endpoint in wanted.flat_map(settings::Gateway::endpoints) {
        servers::report(&endpoint.trusts, wiring);
    }
    wiring.tasks.spawn(follow_revocations(
        gateway.clone(),
        wiring.authorization_server.clone(),
        stop.clone(),
    ));
    Ok(gateway)
}

/// Takes over what has changed behind the gateway, all of it or nothing. Sessions of what stays go on.
///
/// What can fail comes first: the plan and everything that it asks for are made before anybody sees them. Then
/// tokens are issued for what is about to be there, so that nobody is sent to sign in for what no token is
/// issued for; that reads the store, and changes nothing if it cannot. What is left cannot fail.
pub(super) async fn take_over(
    gateway: &Gateway,
    change: &Change,
    wiring: &Wiring<'_>,
) -> anyhow::Result<()> {
    let settings = change.settings();
    let arrangement = gateway.prepare(plan(settings, wiring, |name| change.keeps(name))?)?;
    let resources = settings.authorization_server.resources.clone();
    wiring.authorization_server.declare(resources).await?;
    arrangement.take_effect();
    for endpoint in change.new_endpoints() {
        servers::report(&endpoint.trusts, wiring);
    }
    Ok(())
}

/// What the settings want the gateway to be.
fn plan(
    settings: &Settings,
    wiring: &Wiring<'_>,
    is_unchanged: impl Fn(&str) -> bool,
) -> anyhow::Result<Plan> {
    let redactor = redactor(settings, wiring)?;
    let Some(wanted) = &settings.gateway else {
        return Ok(Plan {
            policy: Arc::new(Policy::closed()),
            redactor,
            upstreams: Vec::new(),
            federation: None,
        });
    };
    let upstreams = wanted.upstreams.iter().map(|upstream| {
        anyhow::Ok(Exposed {
            settings: with_account(upstream.settings.clone(), wiring)?,
            mount: mount(settings, &upstream.endpoint, wiring)?,
            is_unchanged: is_unchanged(&upstream.settings.name),
            is_federated: upstream.is_federated,
        })
    });
    let common = wanted.common.as_ref();
    Ok(Plan {
        policy: Arc::clone(&wanted.policy),
        redactor,
        upstreams: upstreams.collect::<anyhow::Result<_>>()?,
        federation: common
            .map(|common| mount(settings, common, wiring))
            .transpose()?,
    })
}

/// The upstream, with the name by which people know the account that they connect for it.
fn with_account(
    mut settings: UpstreamSettings,
    wiring: &Wiring<'_>,
) -> anyhow::Result<UpstreamSettings> {
    if let Some(wanted) = &mut settings.user_token {
        let providers = wiring.authorization_server.identity_providers();
        let provider = providers.get(&wanted.provider).with_context(|| {
            format!(
                "the identity provider `{}` of the upstream `{}` is not there before the next start",
                wanted.provider, settings.name
            )
        })?;
        wanted.account.clone_from(&provider.name().en);
    }
    Ok(settings)
}

/// What happens to personal data in calls, if the settings say anything about them.
fn redactor(settings: &Settings, wiring: &Wiring<'_>) -> anyhow::Result<Option<Redactor>> {
    let Some(wanted) = &settings.pii else {
        return Ok(None);
    };
    let keys = Derived::of(&wiring.data.keys, PERSONAL_DATA, fernet_keys)?;
    let sealing = Sealing::new(
        move || keys.now(),
        |bytes| OsRandom.fill(bytes),
        || u64::try_from(SystemClock.now().0).unwrap_or_default(),
    );
    let redactor = Redactor::new(wanted.scanner.clone(), wanted.policy.clone());
    Ok(Some(redactor.with_sealing(sealing)))
}

fn fernet_keys(secrets: &[Named]) -> anyhow::Result<FernetKeys> {
    let keys = secrets.iter();
    let keys = keys.map(|(kid, key)| (kid.clone(), FernetKey::of(key)));
    FernetKeys::new(keys.collect()).context("the key ring has keys without names")
}

fn session_keys(secrets: &[Named]) -> anyhow::Result<SessionKeys> {
    let keys: Vec<[u8; 32]> = secrets.iter().map(|(_, key)| **key).collect();
    let (current, previous) = keys.split_first().context("a key ring is never empty")?;
    Ok(SessionKeys::new(current, previous))
}

/// Signs statements about callers, for upstreams that are told who calls.
#[derive(Clone)]
struct OwnSigner(AuthorizationServer);

impl SignIdentity for OwnSigner {
    fn sign(&self, typ: &str, claims: &Value) -> Option<String> {
        self.0.sign_statement(typ, claims)
    }
}

impl fmt::Debug for OwnSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signing key of our own authorization server")
    }
}

fn mount(settings: &Settings, endpoint: &Guarded, wiring: &Wiring<'_>) -> anyhow::Result<Mount> {
    let resource = servers::resource(
        settings,
        &servers::Described {
            resource: endpoint.resource.as_str(),
            title: &endpoint.title,
            scopes: endpoint.scopes.clone(),
            trusts: &endpoint.trusts,
            dpop: endpoint.dpop,
        },
    )?;
    let verifier: Arc<dyn VerifyToken> =
        servers::verifier(settings, &endpoint.trusts, &endpoint.resource, wiring);
    Ok(Mount { resource, verifier })
}

/// Ends the streams of those whose grants, tokens or clients are gone.
async fn follow_revocations(
    gateway: Gateway,
    server: AuthorizationServer,
    stop: CancellationToken,
) {
    let mut revocations = server.subscribe();
    loop {
        let revocation = tokio::select! {
            revocation = revocations.recv() => revocation,
            () = stop.cancelled() => return,
        };
        match revocation {
            Ok(Revocation::Grant(grant)) => gateway.revoke(Revoked::Grant(&grant)),
            Ok(Revocation::Token(token)) => gateway.revoke(Revoked::Token(&token)),
            Ok(Revocation::Client(client)) => gateway.revoke(Revoked::Client(&client)),
            Err(RecvError::Lagged(_)) => gateway.revoke(Revoked::Everything),
            Err(RecvError::Closed) => return,
        }
    }
}
