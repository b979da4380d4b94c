//! Who acts on a subject's behalf: the claim `act` (RFC 8693 §4.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The claim's name.
pub const CLAIM: &str = "act";

/// One actor, and whoever acted before it.
///
/// Only the outermost actor acts now; those inside are history and must not be asked for permission.
///
/// ```
/// use oauth::actor::Actor;
/// let history = Actor::new("gateway").after(Some(Actor::new("agent")));
/// assert_eq!(history.depth(), 2);
/// assert_eq!(serde_json::to_value(history).unwrap()["act"]["sub"], "agent");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who acts, in the name space of the token's issuer.
    pub sub: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// `act` is there, and does not name an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim act does not name an actor")]
pub struct InvalidActor;

impl Actor {
    /// An actor with nobody before it.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            sub: subject.into(),
            act: None,
        }
    }

    /// The same actor, with `before` as its history.
    pub fn after(mut self, before: Option<Self>) -> Self {
        self.act = before.map(Box::new);
        self
    }

    /// How many actors there are, this one included.
    pub fn depth(&self) -> usize {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).count()
    }

    /// The actor that the claims of a token name, if they name one.
    pub fn of(claims: &Map<String, Value>) -> Result<Option<Self>, InvalidActor> {
        let claim = claims.get(CLAIM).cloned();
        claim
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| InvalidActor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: &Value) -> Result<Option<Actor>, InvalidActor> {
        Actor::of(claims.as_object().unwrap())
    }

    #[test]
    fn rfc8693_section_4_1_the_chain_is_read_from_the_outside_in() {
        let claims = json!({"sub": "user", "act": {"sub": "b", "act": {"sub": "a"}}});
        let actor = of(&claims).unwrap().unwrap();
        assert_eq!(actor, Actor::new("b").after(Some(Actor::new("a"))));
        assert_eq!(of(&json!({"sub": "user"})), Ok(None));
    }

    #[test]
    fn an_actor_without_a_name_is_none() {
        for act in [json!("a"), json!({}), json!({"sub": 1}), json!(null)] {
            assert_eq!(of(&json!({"act": act})), Err(InvalidActor), "{act}");
        }
    }
}
