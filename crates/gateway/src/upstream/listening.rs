//! Hearing what a server says outside of calls, and again when its stream has ended.

use std::time::Duration;

use tokio::time::Instant;

use super::health::backoff;
use super::server::Upstream;
use super::trouble::Trouble;
use super::{sessions, subscription};
use crate::outlet::Outlet;
use crate::revision::Era;
use crate::server::{Failure, Interest};
use crate::visit::Visit;

/// How often a stream of news is opened again that brings none.
const LISTEN_ATTEMPTS: u32 = 8;
/// How long it is waited before that, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Upstream {
    /// Listens, and again when the stream has ended.
    pub(super) async fn listen_on(
        &self,
        visit: &Visit,
        interest: &Interest,
        outlet: &Outlet,
    ) -> Result<(), Failure> {
        let mut attempts = 0;
        loop {
            let begun = Instant::now();
            let trouble = match self.listen_once(visit, interest, outlet).await {
                Err(trouble @ (Trouble::Rpc(_) | Trouble::Untranslatable(_))) => {
                    return Err(self.said(trouble));
                }
                Err(Trouble::NotConnected) => {
                    if let Some(account) = &self.account {
                        account.until_finished(&visit.caller).await;
                    }
                    continue;
                }
                Err(trouble) => trouble,
                Ok(()) => Trouble::Lost("has ended its stream of news"),
            };
            if begun.elapsed() > LONGEST_PAUSE {
                attempts = 0;
            }
            if attempts >= LISTEN_ATTEMPTS {
                return Err(self.said(trouble));
            }
            let random = &*self.parts.random;
            let pause = backoff(attempts, FIRST_PAUSE, LONGEST_PAUSE, random);
            tokio::time::sleep(pause).await;
            attempts += 1;
        }
    }

    async fn listen_once(
        &self,
        visit: &Visit,
        interest: &Interest,
        outlet: &Outlet,
    ) -> Result<(), Trouble> {
        let session = self.session(visit).await?;
        match session.introduction.revision.era() {
            Era::Stateless => {
                let speaker = self.speaker(&session, visit, outlet);
                subscription::listen(speaker, interest).await
            }
            Era::Sessions => sessions::listen(&session, visit, interest, outlet).await,
        }
    }
}
