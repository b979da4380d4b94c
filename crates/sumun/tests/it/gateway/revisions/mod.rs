//! Every client with every server: each ability is tried between each two revisions, what comes of it is
//! held against what the protocol lets one expect, and `docs/revisions.md` says it.

mod client;
mod client_checks;
mod client_requests;
mod live;
mod page;
mod rule;
mod server;
mod server_checks;
mod server_sessions;
mod server_stateless;
mod stage;
mod tools;
mod trials;
mod wire;

use std::time::Duration;

use futures_util::future::join_all;
use gateway::Revision;
use tokio::time::timeout;

use client::Client;
use page::Outcomes;
use rule::{Outcome, RULES};
use server::Server;

use super::client::Client as Robot;
use super::{PERMITTED, at, house};
use crate::house::House;

/// Whose tasks may be reached has to be said (`docs/gateway.md`).
const TASKS: &str = "[[policy.rules]]\nmethods = [\"tasks/*\"]\n";

/// The name of a server in the settings.
fn name(revision: Revision) -> String {
    format!("of-{revision}")
}

/// What a client and a server can do with each other, and all that is wrong with it.
async fn pair(house: &House, client: Revision, server: &Server) -> (Outcomes, Vec<String>) {
    let of = server.world.revision;
    let (mut outcomes, mut faults) = (Outcomes::new(), Vec::new());
    let robot = Robot::robot(house, &format!("/{}/mcp", name(of))).await;
    let url = format!("{}/{}", house.url, name(of));
    let mut visitor = Client::new(client, &url, &robot.token).await;
    for rule in &RULES {
        let expected = rule.expected(client, of);
        let attempt = async {
            if expected == Outcome::Lacking {
                return Ok(Outcome::Lacking);
            }
            let attempt = trials::attempt(rule.ability, &mut visitor, server);
            let tried = timeout(Duration::from_secs(20), attempt).await;
            tried.unwrap_or_else(|_| Err("nothing comes of it".to_owned()))
        };
        let outcome = attempt.await;
        let about = format!("client {client}, server {of}, {}", rule.name);
        match outcome {
            Ok(outcome) => {
                outcomes.insert((rule.ability, client, of), outcome);
                if outcome != expected {
                    faults.push(format!("{about}: {outcome:?} and not {expected:?}"));
                }
            }
            Err(what) => faults.push(format!("{about}: {what}")),
        }
    }
    faults.append(&mut visitor.faults);
    visitor.leave().await;
    (outcomes, faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g5_every_client_with_every_server() {
    let servers = join_all(Revision::ALL.map(Server::new)).await;
    let sections = servers
        .iter()
        .map(|server| at(&name(server.world.revision), &server.url));
    let sections: String = sections.collect();
    let house = house(&format!("{PERMITTED}{TASKS}{sections}")).await;
    let rows = servers.iter().map(|server| async {
        let (mut outcomes, mut faults) = (Outcomes::new(), Vec::new());
        for client in Revision::ALL {
            let (more, wrong) = pair(&house, client, server).await;
            outcomes.extend(more);
            faults.extend(wrong);
        }
        faults.extend(server.faults());
        (outcomes, faults)
    });
    let (mut outcomes, mut faults) = (Outcomes::new(), Vec::new());
    for (more, wrong) in join_all(rows).await {
        outcomes.extend(more);
        faults.extend(wrong);
    }
    assert!(faults.is_empty(), "{}\n{}", faults.join("\n"), house.log());
    for server in &servers {
        let times = server.times("server/discover");
        let revision = server.world.revision;
        assert!(
            times <= 1,
            "what {revision} speaks is found out once, not {times} times"
        );
    }
    page::compare(&outcomes);
}
