//! Client ID metadata documents: the client's name is the address of its metadata (CIMD §3–§6,
//! acceptance C3).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use oauth::client::fetch::{FetchError, Fetched, Limits};
use oauth::client_metadata::{ClientMetadata, OPERATOR_GRANT_TYPES};
use oauth::time::NumericDate;
use serde::{Deserialize, Serialize};
use store::{Kind, ListBy, Record, StoreError};
use url::Url;

use super::{Client, ClientError, Clients, Origin};
use crate::address::ClientAddress;
use crate::server::AuthorizationServer;

/// A document is not fetched more often than this, whatever it says.
const MIN_FRESH: Duration = Duration::from_mins(1);
/// A document without cache headers is believed this long, and no document longer than a day.
const DEFAULT_FRESH: Duration = Duration::from_hours(1);
const MAX_FRESH: Duration = Duration::from_hours(24);

/// Strangers can name documents without end, so they share this many buckets of this many documents:
/// 20 MiB at most. The oldest of a bucket makes room, and is fetched again when it is needed.
const BUCKETS: u8 = 64;
const PER_BUCKET: usize = 64;

/// Why a metadata document does not make a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MetadataDocumentError {
    #[error(
        "the client_id must be an https URL with a path, without dot segments, fragment or user"
    )]
    Address,
    /// The text is the same for every failure, or strangers could explore a network through us.
    #[error("it could not be fetched")]
    Fetch(#[from] FetchError),
    #[error("it could not be fetched")]
    Status(#[source] UnexpectedStatus),
    #[error("it is not a JSON object with client metadata")]
    Json,
    #[error("its client_id is not the address it was fetched from")]
    OtherClientId,
    #[error("it names no client_name")]
    NoName,
    #[error("it must not use a shared secret; use none or private_key_jwt")]
    SharedSecret,
    #[error("{0}")]
    Rule(String),
}

/// A status other than 200, which is the only success (CIMD §5).
#[derive(Debug, thiserror::Error)]
#[error("its address answered with status {0}")]
pub(crate) struct UnexpectedStatus(http::StatusCode);

/// A document that was fetched and checked, until it has to be fetched again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CachedDocument {
    /// Which of [`BUCKETS`] it lies in.
    bucket: String,
    metadata: ClientMetadata,
    fetched_at: NumericDate,
    fresh_until: NumericDate,
}

impl Record for CachedDocument {
    const KIND: Kind = Kind::new("client_document");
    // It says where the answers of a client go, and with which keys it proves itself.
    const SEALED: bool = true;

    fn owner(&self) -> Option<&str> {
        Some(&self.bucket)
    }

    fn expires_at(&self) -> Option<NumericDate> {
        Some(self.fresh_until)
    }
}

impl CachedDocument {
    /// The client that the document at `client_id` describes.
    pub(super) fn into_client(self, client_id: &str) -> Client {
        Client {
            client_id: client_id.to_owned(),
            metadata: self.metadata,
            secret: None,
            management: None,
            origin: Origin::MetadataDocument,
            created_at: self.fetched_at,
            expires_at: None,
        }
    }
}

/// Where the document at `address` lies.
fn bucket(address: &str) -> String {
    let hash = digest(&SHA256, address.as_bytes());
    (hash.as_ref()[0] % BUCKETS).to_string()
}

impl Clients {
    /// Keeps a document, and lets go of those that are too many in its bucket.
    async fn remember(&self, address: &str, document: &CachedDocument) -> Result<(), StoreError> {
        self.documents.put(address, document).await?;
        let newest_first = self.documents.all(ListBy::Owner(&document.bucket)).await?;
        for old in newest_first.iter().skip(PER_BUCKET) {
            self.documents.remove(&old.key).await?;
        }
        Ok(())
    }
}

impl AuthorizationServer {
    /// The client that the document at `client_id` describes.
    pub(super) async fn fetch_client(
        &self,
        client_id: &str,
        address: ClientAddress,
    ) -> Result<Client, ClientError> {
        check_address(client_id)?;
        let documents = &self.clients().documents;
        if let Some(cached) = documents.get(client_id).await? {
            return Ok(cached.record.into_client(client_id));
        }
        let _place = self.place_to_ask(address).await;
        // Whoever had the place before may have asked for the same document.
        if let Some(cached) = documents.get(client_id).await? {
            return Ok(cached.record.into_client(client_id));
        }
        self.may_ask_stranger(address).await?;
        // Errors and invalid documents are not remembered (CIMD §5.2): a client that was mended
        // works at the next try.
        let document = self.fetch_document(client_id).await?;
        self.clients().remember(client_id, &document).await?;
        Ok(document.into_client(client_id))
    }

    async fn fetch_document(&self, address: &str) -> Result<CachedDocument, MetadataDocumentError> {
        let fetched = self.ask_stranger(address).await?;
        let metadata = check_document(address, &fetched.body)?;
        metadata
            .check(&self.settings().private_use_schemes)
            .map_err(|error| MetadataDocumentError::Rule(error.description))?;
        let fresh = fetched
            .fresh_for()
            .unwrap_or(DEFAULT_FRESH)
            .clamp(MIN_FRESH, MAX_FRESH);
        let fetched_at = self.now();
        Ok(CachedDocument {
            bucket: bucket(address),
            metadata,
            fetched_at,
            fresh_until: fetched_at.plus(fresh),
        })
    }

    /// Fetches from an address that a stranger named; only 200 is success (CIMD §5).
    async fn ask_stranger(&self, address: &str) -> Result<Fetched, MetadataDocumentError> {
        let public = self.strangers().fetch().public();
        let fetched = public.get(address, Limits::CLIENT_METADATA).await?;
        match fetched.status {
            http::StatusCode::OK => Ok(fetched),
            status => Err(MetadataDocumentError::Status(UnexpectedStatus(status))),
        }
    }
}

/// CIMD §3: https, a path, no dot segments, no fragment, no user name or password.
fn check_address(client_id: &str) -> Result<(), MetadataDocumentError> {
    let url = Url::parse(client_id).map_err(|_| MetadataDocumentError::Address)?;
    let is_plain = url.scheme() == "https"
        && url.path() != "/"
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    // A parser removes dot segments and other spellings; the name must not need that.
    if is_plain && url.as_str() == client_id {
        Ok(())
    } else {
        Err(MetadataDocumentError::Address)
    }
}

fn check_document(address: &str, body: &[u8]) -> Result<ClientMetadata, MetadataDocumentError> {
    #[derive(Deserialize)]
    struct Document {
        client_id: String,
        client_secret: Option<serde_json::Value>,
        client_secret_expires_at: Option<serde_json::Value>,
        token_endpoint_auth_method: Option<String>,
        #[serde(flatten)]
        rest: serde_json::Map<String, serde_json::Value>,
    }
    let document: Document =
        oauth::json::from_stranger(body).map_err(|_| MetadataDocumentError::Json)?;
    // CIMD §4: compared as strings, byte for byte.
    if document.client_id != address {
        return Err(MetadataDocumentError::OtherClientId);
    }
    if document.client_secret.is_some() || document.client_secret_expires_at.is_some() {
        return Err(MetadataDocumentError::SharedSecret);
    }
    let mut rest = document.rest;
    // A document that names no method is a public client's: shared secrets cannot be the default.
    let method = document
        .token_endpoint_auth_method
        .unwrap_or_else(|| "none".to_owned());
    rest.insert("token_endpoint_auth_method".to_owned(), method.into());
    let mut metadata: ClientMetadata =
        serde_json::from_value(rest.into()).map_err(|_| MetadataDocumentError::Json)?;
    if metadata.token_endpoint_auth_method.is_shared_secret() {
        return Err(MetadataDocumentError::SharedSecret);
    }
    if metadata.client_name.as_deref().is_none_or(str::is_empty) {
        return Err(MetadataDocumentError::NoName);
    }
    metadata.forget_reserved_members();
    // A stranger's document must not name itself a machine with rights of its own.
    metadata
        .grant_types
        .retain(|grant| !OPERATOR_GRANT_TYPES.contains(&grant.as_str()));
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oauth::client_metadata::TokenEndpointAuthMethod;
    use oauth::issuer::Issuer;
    use oauth::random::{OsRandom, Random};
    use oauth::time::{Clock, ManualClock};
    use store::{KeyRing, SharedStore, SqliteStore};

    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn strangers_do_not_fill_the_store_with_documents() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NumericDate(1_800_000_000)));
        let store: SharedStore = Arc::new(SqliteStore::in_memory(clock.clone()).await.unwrap());
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let keys = Arc::new(KeyRing::ephemeral(&*random));
        let settings = Settings::new(Issuer::parse("https://as.example").unwrap(), Vec::new());
        let clients = Clients::new(&settings, &store, &keys, &clock, &random);
        let addresses = (0..).map(|n| format!("https://app.example/c?n={n}"));
        let of_one_bucket: Vec<_> = addresses
            .filter(|address| bucket(address) == "7")
            .take(PER_BUCKET + 3)
            .collect();
        for address in &of_one_bucket {
            let body = format!(r#"{{"client_id":"{address}","client_name":"App"}}"#);
            let document = CachedDocument {
                bucket: bucket(address),
                metadata: check_document(address, body.as_bytes()).unwrap(),
                fetched_at: clock.now(),
                fresh_until: clock.now().plus(MAX_FRESH),
            };
            clients.remember(address, &document).await.unwrap();
        }
        let kept = clients.documents.all(ListBy::Owner("7")).await.unwrap();
        let kept: Vec<_> = kept.iter().rev().map(|document| &document.key).collect();
        let newest: Vec<_> = of_one_bucket.iter().skip(3).collect();
        assert_eq!(kept, newest);
    }

    #[test]
    fn c3_addresses_that_name_a_client() {
        assert!(check_address("https://app.example/oauth/client.json").is_ok());
        for bad in [
            "https://app.example",
            "https://app.example/",
            "http://app.example/c",
            "https://app.example/a/../c",
            "https://app.example/c#x",
            "https://u@app.example/c",
            "https://APP.example/c",
            "https://app.example:443/c",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn c3_documents_that_make_a_client() {
        let address = "https://app.example/c";
        let check = |text: &str| check_document(address, text.as_bytes());
        let good = r#"{"client_id":"https://app.example/c","client_name":"App",
            "redirect_uris":["http://127.0.0.1/cb"]}"#;
        let metadata = check(good).unwrap();
        assert_eq!(
            metadata.token_endpoint_auth_method,
            TokenEndpointAuthMethod::None
        );
        for bad in [
            good.replace("example/c\"", "example/C\""),
            good.replace("\"client_name\":\"App\",", ""),
            good.replace("\"App\"", "\"App\",\"client_secret\":\"x\""),
            good.replace(
                "\"App\"",
                "\"App\",\"token_endpoint_auth_method\":\"client_secret_post\"",
            ),
            "[]".to_owned(),
        ] {
            assert!(check(&bad).is_err(), "{bad}");
        }
    }
}
