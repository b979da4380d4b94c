//! Which facts of the authorization server become which event of the audit log (requirement R7.4).
//!
//! What hands something out waits for its record, and does not happen without it: [`Facts::record`].
//! What is refused, or has ended, stays so whether or not it can be recorded: [`Facts::note`].

use std::sync::OnceLock;

use audit::{Action, AuditError, AuditEvent, AuditLog, EventType, Outcome, Who};
use oauth::grant_type;
use oauth::jwt::AccessTokenClaims;
use oauth::resource::ResourceIndicator;
use oauth::secret::Secret;
use tracing::Instrument as _;

use crate::address::ClientAddress;
use crate::client::Client;
use crate::endpoint::token::Answered;
use crate::grant::Grant;
use crate::manage::Actor;
use crate::reason::Reason;
use crate::server::AuthorizationServer;
use crate::user::{AuthenticateError, User};

/// Where facts are recorded, once somebody has said so.
pub(crate) type AuditSlot = OnceLock<AuditLog>;

impl AuthorizationServer {
    /// Records in `log` from now on. The first log stays.
    pub fn record_in(&self, log: AuditLog) {
        // A second one would split the record of one server.
        let _ = self.audit_slot().set(log);
    }

    /// Those who record what happens here, if anybody does.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            server: self,
            log: self.audit_slot().get(),
        }
    }

    /// Authenticates a person by their password, which is recorded either way.
    pub(crate) async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
        address: ClientAddress,
    ) -> Result<Option<User>, AuthenticateError> {
        let facts = self.facts();
        let answer = self.users().authenticate(username, password, address).await;
        match &answer {
            Ok(Some(user)) => facts.signed_in(user, address).await?,
            Ok(None) => {
                self.sign_in_failed(username, "wrong_password", address)
                    .await?;
            }
            Err(AuthenticateError::TooManyAttempts { .. }) => {
                let reason = Reason::TooManyRequests.as_str();
                self.sign_in_failed(username, reason, address).await?;
            }
            Err(_) => {}
        }
        answer
    }

    /// Records whose account it was to be: without that, nobody sees that one is being guessed.
    async fn sign_in_failed(
        &self,
        username: &str,
        reason: &'static str,
        address: ClientAddress,
    ) -> Result<(), AuthenticateError> {
        let user = self.users().find_by_username(username).await?;
        self.facts().sign_in_failed(user.as_ref(), reason, address);
        Ok(())
    }
}

/// Facts on their way into the log.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    server: &'a AuthorizationServer,
    log: Option<&'a AuditLog>,
}

impl Facts<'_> {
    /// Somebody has proved who they are.
    pub(crate) async fn signed_in(
        self,
        user: &User,
        address: ClientAddress,
    ) -> Result<(), AuditError> {
        self.record(|facts| {
            let who = from(facts.person(&user.subject), address);
            AuditEvent::new(EventType::SignIn, who).outcome(Outcome::Success)
        })
        .await
    }

    fn sign_in_failed(self, user: Option<&User>, reason: &'static str, address: ClientAddress) {
        self.note(|facts| {
            let who = user.map_or_else(Who::new, |user| facts.person(&user.subject));
            AuditEvent::new(EventType::SignIn, from(who, address))
                .outcome(Outcome::Failure)
                .reason(reason)
        });
    }

    /// Somebody has signed out, or ended their sessions.
    pub(crate) fn signed_out(self, subject: &str) {
        self.note(|facts| {
            AuditEvent::new(EventType::SignOut, facts.person(subject)).action(Action::Ended)
        });
    }

    /// A person lets a client act for them.
    pub(crate) async fn approved(self, grant: &Grant, subject: &str) -> Result<(), AuditError> {
        self.record(|facts| {
            let who = facts
                .person(subject)
                .client(&grant.client_id)
                .grant(&grant.id);
            AuditEvent::new(EventType::GrantApproved, who)
                .server(grant.request.resource.as_str())
                .action(Action::Approved)
                .outcome(Outcome::Success)
        })
        .await
    }

    /// Nobody lets the client act for them.
    pub(crate) fn not_approved(self, grant: &Grant, reason: Reason) {
        self.note(|_| {
            let who = Who::new().client(&grant.client_id).grant(&grant.id);
            AuditEvent::new(EventType::Consent, who)
                .server(grant.request.resource.as_str())
                .action(Action::Refused)
                .outcome(Outcome::Denied)
                .reason(reason.as_str())
        });
    }

    /// A grant has ended, for a person if it was theirs.
    pub(crate) fn grant_ended(self, grant_id: &str, subject: Option<&str>) {
        self.note(|facts| {
            let who = subject.map_or_else(Who::new, |subject| facts.person(subject));
            AuditEvent::new(EventType::GrantEnded, who.grant(grant_id)).action(Action::Ended)
        });
    }

    /// A grant has died of what a client has shown: a code or a refresh token that was used before.
    pub(crate) fn grant_died(self, grant_id: &str, client: &Client, reason: Reason) {
        let kind = match reason {
            Reason::CodeReplayed | Reason::DeviceCodeReplayed => EventType::CodeReplayed,
            Reason::RefreshTokenReused => EventType::RefreshReused,
            _ => EventType::GrantEnded,
        };
        self.note(|_| {
            let who = Who::new().client(&client.client_id).grant(grant_id);
            AuditEvent::new(kind, who)
                .action(Action::Ended)
                .outcome(Outcome::Denied)
                .reason(reason.as_str())
        });
    }

    /// The token endpoint has an answer for a client. It is given when it is recorded.
    pub(crate) async fn token(
        self,
        client: &Client,
        address: ClientAddress,
        answer: Answered<'_>,
    ) -> Result<(), AuditError> {
        let who = || from(Who::new().client(&client.client_id), address);
        match answer {
            Answered::Issued { grant_type } => {
                self.record(|_| {
                    AuditEvent::new(EventType::TokenIssued, who())
                        .target(grant_type)
                        .action(Action::Issued)
                        .outcome(Outcome::Success)
                })
                .await
            }
            // A device asks every few seconds until its person has decided.
            Answered::Refused(Reason::AuthorizationPending) => Ok(()),
            Answered::Refused(reason) => {
                self.note(|_| {
                    AuditEvent::new(EventType::TokenRefused, who())
                        .action(Action::Refused)
                        .outcome(Outcome::Failure)
                        .reason(reason.as_str())
                });
                Ok(())
            }
        }
    }

    /// A caller has asked for a token with less in it than theirs, and got it unless there is a reason.
    pub(crate) async fn narrowed(
        self,
        claims: &AccessTokenClaims,
        resource: &ResourceIndicator,
        refused: Option<Reason>,
    ) -> Result<(), AuditError> {
        self.record(|facts| {
            let mut who = facts.person(&claims.sub);
            if let Some(client_id) = &claims.client_id {
                who = who.client(client_id);
            }
            if let Some(grant_id) = &claims.grant_id {
                who = who.grant(grant_id);
            }
            let event = |kind| {
                AuditEvent::new(kind, who)
                    .server(resource.as_str())
                    .target(grant_type::TOKEN_EXCHANGE)
            };
            match refused {
                None => event(EventType::TokenIssued)
                    .action(Action::Issued)
                    .outcome(Outcome::Success),
                Some(reason) => event(EventType::TokenRefused)
                    .action(Action::Refused)
                    .outcome(Outcome::Failure)
                    .reason(reason.as_str()),
            }
        })
        .await
    }

    /// Somebody has not proved to be a client. Its name is recorded if there is such a client; any other is what
    /// somebody wrote.
    pub(crate) fn client_not_authenticated(
        self,
        client: Option<&Client>,
        reason: Reason,
        address: ClientAddress,
    ) {
        self.note(|_| {
            let who = client.map_or_else(Who::new, |client| Who::new().client(&client.client_id));
            AuditEvent::new(EventType::ClientAuthentication, from(who, address))
                .outcome(Outcome::Failure)
                .reason(reason.as_str())
        });
    }

    /// A client has registered itself.
    pub(crate) async fn registered(
        self,
        client: &Client,
        address: ClientAddress,
    ) -> Result<(), AuditError> {
        self.record(|_| {
            let who = from(Who::new().client(&client.client_id), address);
            AuditEvent::new(EventType::ClientRegistered, who)
                .action(Action::Created)
                .outcome(Outcome::Success)
        })
        .await
    }

    /// Somebody has changed what this server knows: `action` in words of ours, such as `role changed`.
    pub(crate) fn managed(self, actor: &Actor, action: &'static str, object: &str) {
        let done = match action.rsplit(' ').next() {
            Some("created" | "made") => Action::Created,
            Some("removed") => Action::Removed,
            Some("revoked") => Action::Ended,
            _ => Action::Changed,
        };
        self.note(|facts| {
            let who = match actor {
                Actor::Operator => Who::new().client("operator"),
                Actor::Bearer {
                    subject, client_id, ..
                } => facts.person(subject).client(client_id),
            };
            let event = AuditEvent::new(EventType::Administration, who);
            let event = if action.starts_with("user ") {
                // A person stands in the log under their pseudonym, whoever changes them.
                let issuer = self.server.settings().issuer.as_str();
                event.target(facts.log.pseudonyms().person(issuer, object).to_string())
            } else {
                event.target(object)
            };
            event.action(done).outcome(Outcome::Success).reason(action)
        });
    }

    /// Records, and returns when the log has it.
    async fn record(self, event: impl FnOnce(&Known<'_>) -> AuditEvent) -> Result<(), AuditError> {
        match self.known() {
            Some(known) => known.log.append(event(&known)).await,
            None => Ok(()),
        }
    }

    /// Records what is so anyway; the house waits for it at its end.
    fn note(self, event: impl FnOnce(&Known<'_>) -> AuditEvent) {
        let Some(known) = self.known() else { return };
        let (log, event) = (known.log.clone(), event(&known));
        let work = async move {
            if let Err(error) = log.append(event).await {
                tracing::error!(
                    "audit: what was refused or has ended could not be recorded: {error}"
                );
            }
        };
        self.server.tasks().spawn(work.in_current_span());
    }

    fn known(&self) -> Option<Known<'_>> {
        let issuer = self.server.settings().issuer.as_str();
        self.log.map(|log| Known { log, issuer })
    }
}

/// The log, and how its people are named.
struct Known<'a> {
    log: &'a AuditLog,
    issuer: &'a str,
}

impl Known<'_> {
    fn person(&self, subject: &str) -> Who {
        Who::new().user(self.log.pseudonyms().person(self.issuer, subject))
    }
}

fn from(who: Who, ClientAddress(address): ClientAddress) -> Who {
    match address {
        Some(address) => who.origin(address),
        None => who,
    }
}
