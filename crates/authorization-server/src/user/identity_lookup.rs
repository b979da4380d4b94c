//! Who somebody at an identity provider is here (`OpenID` Connect Core §5.7).

use store::StoreError;

use super::identity::{key, lists};
use super::{User, Users};

impl Users {
    /// The person who signs in with what `provider` calls `subject`.
    pub(crate) async fn with_identity(
        &self,
        provider: &str,
        subject: &str,
    ) -> Result<Option<User>, StoreError> {
        let key = key(provider, subject);
        let Some(record) = self.identities.get(&key).await? else {
            return Ok(None);
        };
        let user = self.people.get(record.user()).await?;
        // Only where both records agree, the identity is theirs.
        let user = user.filter(|user| lists(user, provider, &key));
        Ok(user.map(|user| user.record))
    }
}
