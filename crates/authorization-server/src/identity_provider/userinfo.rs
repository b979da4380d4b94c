//! Asking an identity provider who a token belongs to (OpenID Connect Core §5.3).

use oauth::client::fetch::{Authorization, Fetched, Limits};
use oauth::client::token::usable;
use oauth::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::IdentityProvider;
use super::error::{IdentityProviderError, Refusal};
use super::profile::first_missing;

/// One of the e-mail addresses of a person, as GitHub lists them.
#[derive(Deserialize)]
struct ListedAddress {
    email: String,
    primary: bool,
    verified: bool,
}

impl IdentityProvider {
    /// What the provider says about whoever the access token belongs to.
    pub(super) async fn profile(
        &self,
        endpoint: &str,
        access_token: &Secret,
    ) -> Result<Value, IdentityProviderError> {
        let fetched = self.ask(endpoint, access_token).await?;
        let refuse = |what: String| Err(self.refuse(Refusal::Profile(what)));
        if fetched.status.as_u16() != 200 {
            return refuse(format!(
                "it is answered with status {}",
                fetched.status.as_u16()
            ));
        }
        let Ok(profile) = oauth::json::from_stranger::<Value>(&fetched.body) else {
            return refuse("it is not JSON".to_owned());
        };
        if !profile.is_object() || profile.get("error").is_some() {
            return refuse("it is an error inside status 200".to_owned());
        }
        match first_missing(&self.rules.success, Some(&profile)) {
            Some(place) => refuse(format!("`{place}` does not say that it is a success")),
            None => Ok(profile),
        }
    }

    /// The main e-mail address of the person, if it is in the list there and was verified.
    pub(super) async fn verified_address(
        &self,
        endpoint: &str,
        access_token: &Secret,
    ) -> Result<Option<String>, IdentityProviderError> {
        let fetched = self.ask(endpoint, access_token).await?;
        // Whoever shares no addresses has none here.
        if matches!(fetched.status.as_u16(), 401 | 403 | 404) {
            return Ok(None);
        }
        let Ok(list) = oauth::json::from_stranger::<Vec<ListedAddress>>(&fetched.body) else {
            let what = "it has no list of e-mail addresses".to_owned();
            return Err(self.refuse(Refusal::Profile(what)));
        };
        let main = list.into_iter().find(|one| one.primary && one.verified);
        Ok(main.map(|one| one.email))
    }

    async fn ask(
        &self,
        endpoint: &str,
        access_token: &Secret,
    ) -> Result<Fetched, IdentityProviderError> {
        let bearer = Authorization::Bearer(access_token);
        let requests = self.fetch.configured();
        let answer = requests.get_as(bearer, endpoint, Limits::DOCUMENT).await;
        usable(answer).map_err(|error| IdentityProviderError::of_token(&self.id, error))
    }
}
