//! The catalog: resources, scopes and roles at one moment (RFC 8707, RFC 6749 §3.3).
//!
//! The settings declare a base that nobody changes at run time; what is added while the server
//! runs is one record in the store ([`additions`]). Requests look at a snapshot of both, which
//! costs them no read of the store; every replica renews its snapshot within seconds.

pub(crate) mod additions;
mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use oauth::resource::ResourceIndicator;
use oauth::scope::Scope;
use store::{Collection, KeyRing, SharedStore, StoreError, Versioned};
use tokio::sync::Mutex;

use crate::settings::{Resource, Settings};
use crate::text::{IDENTITY_SCOPES, Language, Words, identity_scope};
use additions::Additions;

/// What can be asked for, and who may allow it.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    /// Those of the settings first; never empty.
    resources: Vec<Resource>,
    /// Every scope that is not about identity, in words.
    scopes: BTreeMap<String, Words>,
    roles: BTreeMap<String, Scope>,
    default_role: String,
}

impl Catalog {
    /// The settings with what was added to them.
    ///
    /// The settings may have changed since something was added, so whatever is declared there wins,
    /// and a scope that nobody describes any more means nothing.
    pub(crate) fn new(settings: &Settings, added: &Additions) -> Self {
        Self::with_resources(settings.resources.clone(), settings, added)
    }

    /// The same, where the settings declare other resources by now.
    fn with_resources(resources: Vec<Resource>, settings: &Settings, added: &Additions) -> Self {
        let mut catalog = Self {
            resources,
            scopes: settings.scopes.clone(),
            roles: settings.roles.clone(),
            default_role: settings.default_role.clone(),
        };
        for (scope, words) in &added.scopes {
            let place = catalog.scopes.entry(scope.clone());
            place.or_insert_with(|| words.clone());
        }
        for resource in &added.resources {
            if catalog.resource(&resource.indicator).is_none() {
                let scopes = catalog.known_part(&resource.scopes);
                catalog.resources.push(Resource {
                    scopes,
                    ..resource.clone()
                });
            }
        }
        for (role, scopes) in &added.roles {
            let scopes = catalog.known_part(scopes);
            catalog.roles.entry(role.clone()).or_insert(scopes);
        }
        catalog
    }

    /// Every resource, those of the settings first.
    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Every scope that is not about identity, in words.
    pub(crate) fn scopes(&self) -> &BTreeMap<String, Words> {
        &self.scopes
    }

    /// Every role, with what it permits.
    pub(crate) fn roles(&self) -> &BTreeMap<String, Scope> {
        &self.roles
    }

    /// The resource called `indicator`.
    pub(crate) fn resource(&self, indicator: &ResourceIndicator) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.indicator == *indicator)
    }

    /// Whether `scope` is one of ours: described by the operator, or about identity.
    pub(crate) fn is_known_scope(&self, scope: &str) -> bool {
        self.scopes.contains_key(scope) || identity_scope(scope).is_some()
    }

    /// What `scope` means, in the words of a language; nothing when it is unknown.
    pub(crate) fn words(&self, scope: &str, language: Language) -> Option<&str> {
        let described = self.scopes.get(scope).map(|words| words.get(language));
        described.or_else(|| identity_scope(scope).map(|words| words(language.text())))
    }

    /// Every scope that can be asked for, the ones about identity first.
    pub(crate) fn scopes_in_order(&self) -> Vec<String> {
        let identity = IDENTITY_SCOPES.iter().map(|scope| (*scope).to_owned());
        identity.chain(self.scopes.keys().cloned()).collect()
    }

    /// The roles of a person who was given these; none stands for the default one.
    pub(crate) fn roles_in_force<'a>(&'a self, roles: &'a [String]) -> &'a [String] {
        if roles.is_empty() {
            std::slice::from_ref(&self.default_role)
        } else {
            roles
        }
    }

    /// What a person with these roles may let a client do: what the roles allow, and to know who
    /// the person is.
    pub(crate) fn permitted_scope(&self, roles: &[String]) -> Scope {
        let identity = Scope::from_tokens(IDENTITY_SCOPES)
            .expect("the identity scopes are constants in the form of RFC 6749");
        self.roles_in_force(roles)
            .iter()
            .filter_map(|role| self.roles.get(role))
            .fold(identity, |permitted, of_role| permitted.union(of_role))
    }

    fn known_part(&self, scopes: &Scope) -> Scope {
        let known = scopes.iter().filter(|scope| self.is_known_scope(scope));
        Scope::from_tokens(known).expect("a part of a well-formed scope is well-formed")
    }
}

/// The snapshot that requests look at, and the record that it is made of.
#[derive(Debug)]
pub(crate) struct Catalogs {
    records: Collection<Additions>,
    snapshot: RwLock<Arc<Catalog>>,
    /// The resources that the settings declare, once they declare others than at the start.
    declared: RwLock<Option<Vec<Resource>>>,
    /// One renewal at a time, so that an older reading never replaces a newer one.
    renewal: Mutex<()>,
}

impl Catalogs {
    pub(crate) async fn load(
        settings: &Settings,
        store: &SharedStore,
        keys: &Arc<KeyRing>,
    ) -> Result<Self, StoreError> {
        let records = Collection::new(Arc::clone(store), Arc::clone(keys));
        let added = additions::read(&records).await?;
        Ok(Self {
            snapshot: RwLock::new(Arc::new(Catalog::new(settings, of(added.as_ref())))),
            declared: RwLock::default(),
            renewal: Mutex::new(()),
            records,
        })
    }

    /// The catalog as it was at most a few seconds ago.
    pub(crate) fn current(&self) -> Arc<Catalog> {
        let snapshot = self.snapshot.read();
        Arc::clone(&snapshot.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes other resources for those of the settings, if what was added to them can be read.
    pub(crate) async fn declare(
        &self,
        resources: Vec<Resource>,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let _turn = self.renewal.lock().await;
        let added = additions::read(&self.records).await?;
        *self
            .declared
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(resources);
        self.set(settings, of(added.as_ref()));
        Ok(())
    }

    /// The resources that the settings declare.
    pub(crate) fn declared(&self, settings: &Settings) -> Vec<Resource> {
        let declared = self.declared.read().unwrap_or_else(PoisonError::into_inner);
        declared
            .clone()
            .unwrap_or_else(|| settings.resources.clone())
    }

    /// Reads what other replicas and the command line have added.
    pub(crate) async fn renew(&self, settings: &Settings) -> Result<(), StoreError> {
        let _turn = self.renewal.lock().await;
        let added = additions::read(&self.records).await?;
        self.set(settings, of(added.as_ref()));
        Ok(())
    }

    /// The settings, as they are now, with what was added to them.
    fn made_of(&self, settings: &Settings, added: &Additions) -> Catalog {
        Catalog::with_resources(self.declared(settings), settings, added)
    }

    fn set(&self, settings: &Settings, added: &Additions) {
        let catalog = Arc::new(self.made_of(settings, added));
        *self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = catalog;
    }
}

/// What was added, or nothing.
fn of(added: Option<&Versioned<Additions>>) -> &Additions {
    static NOTHING: Additions = Additions::none();
    added.map_or(&NOTHING, |added| &added.record)
}

#[cfg(test)]
mod tests {
    use oauth::issuer::Issuer;

    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    fn words(en: &str) -> Words {
        let ko = "할 일".to_owned();
        Words { en: en.into(), ko }
    }

    fn settings() -> Settings {
        let resource = Resource {
            indicator: ResourceIndicator::parse("https://a.example/todo").unwrap(),
            name: "Todo manager".to_owned(),
            scopes: scope("read"),
        };
        let mut settings =
            Settings::new(Issuer::parse("https://a.example").unwrap(), vec![resource]);
        settings.scopes.insert("read".into(), words("Read"));
        settings.roles.insert("User".into(), scope("read"));
        settings
    }

    #[test]
    fn roles_say_what_a_person_may_allow() {
        let mut settings = settings();
        settings.roles.insert("Admin".into(), scope("delete"));
        let catalog = Catalog::new(&settings, &Additions::none());
        let identity = scope("openid profile email");
        assert_eq!(catalog.permitted_scope(&[]), identity.union(&scope("read")));
        let roles = ["Admin".to_owned(), "Gone".to_owned()];
        assert_eq!(
            catalog.permitted_scope(&roles),
            identity.union(&scope("delete"))
        );
    }

    #[test]
    fn what_the_settings_declare_wins_over_what_was_added() {
        let mut added = Additions::none();
        added.scopes.insert("read".into(), words("Something else"));
        added.scopes.insert("write".into(), words("Write"));
        added.roles.insert("User".into(), scope("read write"));
        added
            .roles
            .insert("Writer".into(), scope("write forgotten"));
        let taken = Resource {
            name: "Impostor".into(),
            ..settings().resources[0].clone()
        };
        added.resources.push(taken);
        let catalog = Catalog::new(&settings(), &added);
        assert_eq!(catalog.words("read", Language::English), Some("Read"));
        assert_eq!(catalog.words("write", Language::English), Some("Write"));
        assert_eq!(catalog.roles["User"], scope("read"));
        assert_eq!(
            catalog.roles["Writer"],
            scope("write"),
            "nobody describes the other"
        );
        assert_eq!(catalog.resources.len(), 1);
        assert_eq!(catalog.resources[0].name, "Todo manager");
    }
}
