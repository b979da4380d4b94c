//! What a client asks for, and how it is answered (OAuth 2.1 §4.1, RFC 8628 §3).

use oauth::pkce::CodeChallenge;
use oauth::redirect_uri::RedirectUri;
use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use oauth::secret::SecretHash;
use serde::{Deserialize, Serialize};

/// What a client asked for, as it was checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) delivery: Delivery,
    /// Known scopes that mean something to the resource or to identity.
    pub(crate) scope: Scope,
    #[serde(deserialize_with = "ResourceIndicator::written")]
    pub(crate) resource: ResourceIndicator,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
    /// Seconds since the person proved who they are (`OpenID` Connect Core §3.1.2.1).
    pub(crate) max_age: Option<u64>,
    pub(crate) ui_locales: Option<String>,
    pub(crate) login_hint: Option<String>,
    /// The key that whoever redeems the code must possess (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_jkt: Option<String>,
}

/// How the answer reaches the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// The person's browser carries a code there (OAuth 2.1 §4.1.2).
    Redirect {
        redirect_uri: RedirectUri,
        state: Option<String>,
        code_challenge: CodeChallenge,
        /// The hash of the `request_uri` that it came by (RFC 9126).
        pushed_as: Option<SecretHash>,
    },
    /// A device asks for it until it is there (RFC 8628 §3.3).
    Device {
        /// What the device shows, and the person confirms to see.
        user_code: String,
    },
    /// Nothing is left to deliver: an issuer that we trust spoke for the person (RFC 7523 §2.1).
    Assertion {
        /// Who spoke.
        issuer: String,
    },
}

impl Delivery {
    /// Where a redirect goes; nowhere for a device.
    pub(crate) fn redirect_uri(&self) -> Option<&RedirectUri> {
        match self {
            Self::Redirect { redirect_uri, .. } => Some(redirect_uri),
            Self::Device { .. } | Self::Assertion { .. } => None,
        }
    }
}

/// Which pages the client wants (`OpenID` Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    /// No page at all.
    pub(crate) none: bool,
    /// The person signs in again, whoever is signed in.
    pub(crate) login: bool,
    /// The person is asked again, whatever they agreed to before.
    pub(crate) consent: bool,
}
