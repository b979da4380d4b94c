//! The servers behind the gateway: whether calls go through to them.

use async_trait::async_trait;
use gateway::Gateway;
use gateway::upstream::State;

use super::Check;

/// Whether an upstream keeps calls from going through. The house serves the others all the same.
pub(crate) struct Upstreams(pub(crate) Gateway);

#[async_trait]
impl Check for Upstreams {
    fn name(&self) -> String {
        "gateway".to_owned()
    }

    fn is_vital(&self) -> bool {
        false
    }

    async fn run(&self) -> Result<(), String> {
        let upstreams = self.0.health();
        let down = upstreams
            .iter()
            .filter(|health| health.state != State::Closed);
        let down: Vec<_> = down
            .map(|health| match &health.last_error {
                Some(error) => format!("{} ({error})", health.name),
                None => health.name.clone(),
            })
            .collect();
        if down.is_empty() {
            Ok(())
        } else {
            Err(format!("no calls go through to {}", down.join(", ")))
        }
    }
}
