//! Whom an operator means: people are known by their usernames, and stand in the log under pseudonyms of their subjects.

use std::io::Write as _;

use audit::{Pseudonym, Pseudonyms};
use authorization_server::AuthorizationServer;
use authorization_server::manage::{Actor, ManageError, Management};

use crate::settings::{Audit, Settings};
use crate::{app, data};

/// The pseudonym of whoever is meant. A subject of this house looks like a pseudonym, so that only its store tells them
/// apart; with an issuer it is a subject.
pub(super) async fn pseudonym(
    user: &str,
    issuer: Option<&str>,
    settings: &Settings,
    audit: &Audit,
) -> anyhow::Result<String> {
    let known = match issuer {
        None => subject_of(user, settings).await?,
        Some(_) => None,
    };
    if issuer.is_none() && known.is_none() && Pseudonym::parse(user).is_some() {
        return Ok(user.to_owned());
    }
    // The log also knows people of other houses, people who were removed, and clients that act for themselves.
    let subject = known.as_deref().unwrap_or(user);
    let issuer = issuer.unwrap_or(settings.public_url().as_str());
    let pseudonyms = Pseudonyms::of_log(&audit.log.key)?;
    Ok(pseudonyms.person(issuer, subject).to_string())
}

/// The subject of the person of this house with this subject or username.
async fn subject_of(user: &str, settings: &Settings) -> anyhow::Result<Option<String>> {
    // A store is not made by asking about somebody.
    if !settings.data.join("sumun.db").is_file() {
        return Ok(None);
    }
    match look_up(user, settings).await {
        Ok(subject) => Ok(subject),
        // Whoever may read the log need not be allowed to open the store.
        Err(error) => {
            let note =
                "note: nobody can be looked up by username, because the store cannot be opened";
            writeln!(std::io::stderr(), "{note}: {error:#}")?;
            Ok(None)
        }
    }
}

async fn look_up(user: &str, settings: &Settings) -> anyhow::Result<Option<String>> {
    let data = data::open(&settings.data).await?;
    let parts = app::parts(&data)?;
    let server = AuthorizationServer::start(settings.authorization_server.clone(), parts).await?;
    let found = find(&server.management(Actor::Operator), user).await;
    data.store.close().await;
    Ok(found?)
}

/// Subjects come first: nobody chooses theirs, and so nobody can be called like somebody else's.
async fn find(management: &Management, user: &str) -> Result<Option<String>, ManageError> {
    match management.user(user).await {
        Ok(found) => return Ok(Some(found.id)),
        Err(ManageError::Unknown { .. }) => {}
        Err(error) => return Err(error),
    }
    let named = management.user_named(user).await?;
    Ok(named.map(|named| named.id))
}
