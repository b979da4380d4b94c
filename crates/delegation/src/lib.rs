//! Tokens that others issued to us for a user.
//!
//! When a person signs in at an identity provider, the provider issues tokens to us. They are worth
//! as much there as the person allowed, so they are kept sealed, leave this room only towards the
//! provider that issued them, and are never passed on to clients.
//!
//! | file | concept |
//! |---|---|
//! | `credential.rs` | [`Credential`]: what a provider issued; [`Connection`]: where from |
//! | `vault.rs` | [`Vault`]: where credentials are kept, one for each person and provider |
//! | `refresh/` | [`ValidTokens`]: a token that is good, renewed once however many want it |
//! | `provider_client.rs` | [`ProviderClients`]: who renews, at providers that keep to the standard |
//! | `service_tokens.rs` | [`ServiceTokens`]: tokens in the name of the service itself |
//! | `auth_type.rs` | [`AuthType`]: whose credential the calls of a tool carry |
//! | `api_client/` | [`ApiClient`]: calls of an API, with that credential |
//! | `invitation.rs` | [`InviteToConnect`]: where a person connects an account |
//! | `observe.rs` | [`Observe`]: whoever counts calls and renewals |
//!
//! ```
//! use std::sync::Arc;
//!
//! use delegation::{Credential, Vault};
//! use oauth::random::OsRandom;
//! use oauth::secret::Secret;
//! use oauth::time::SystemClock;
//! use store::{KeyRing, SqliteStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), store::StoreError> {
//! let store = Arc::new(SqliteStore::in_memory(Arc::new(SystemClock)).await?);
//! let vault = Vault::new(store, Arc::new(KeyRing::ephemeral(&OsRandom)));
//!
//! let credential = Credential {
//!     access_token: Secret::from("issued by the provider"),
//!     refresh_token: None,
//!     expires_at: None,
//!     refresh_expires_at: None,
//!     scope: Some("profile".into()),
//! };
//! vault.put("alice", "github", &credential).await?;
//! assert!(vault.get("alice", "github").await?.is_some());
//! assert!(vault.get("alice", "naver").await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! A tool calls an API as the person who called the tool:
//!
//! ```no_run
//! use delegation::{ApiClient, ApiError, AuthType};
//! # use delegation::ValidTokens;
//! use oauth::client::fetch::Fetch;
//!
//! # async fn tool(tokens: ValidTokens, subject: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let api = ApiClient::new("https://api.example/v1", Fetch::new()?)?.people(tokens, "calendar");
//!
//! let calls = api.calls(AuthType::UserToken, Some(subject))?;
//! match calls.get::<Vec<String>>("/events", &[("from", "2026-01-01")]).await {
//!     Ok(events) => println!("{events:?}"),
//!     Err(error) if error.needs_person() => println!("connect your calendar first"),
//!     Err(ApiError::NotFound { .. }) => println!("there is no calendar"),
//!     Err(error) => println!("{error}"),
//! }
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod api_client;
mod auth_type;
mod credential;
mod invitation;
mod observe;
mod provider_client;
mod refresh;
mod service_tokens;
mod vault;

pub use api_client::{ApiClient, ApiError, BaseUrlError, Calls, ServiceAccount, path_of};
pub use auth_type::{AuthType, NobodyCalled, OnBehalfOf};
pub use credential::{Connection, Credential};
pub use invitation::{Invitation, InviteToConnect, Invited};
pub use observe::{ApiCall, Observe, RefreshOutcome};
pub use provider_client::{ProviderClient, ProviderClients};
pub use refresh::{
    Parts, RefreshCredential, RefreshError, RefreshSettings, ValidTokenError, ValidTokens,
};
pub use service_tokens::ServiceTokens;
pub use vault::Vault;
