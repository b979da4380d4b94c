//! Identity providers for the demo: simulators beside the house, each on a port of its own.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use authorization_server::simulators::{App, Person, Simulator, Vendor};
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::secret::Secret;
use oauth::time::SystemClock;
use tokio::net::TcpListener;

use crate::house::{self, House};
use crate::settings::Settings;

/// The simulators of a demo, and where each of them will be.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(Vec<(Simulator, TcpListener, SocketAddr)>);

impl Elsewhere {
    /// Takes a port for each of `names` (`all` is everybody) and makes them known in `settings`.
    pub(super) async fn prepare(names: &[String], settings: &mut Settings) -> anyhow::Result<Self> {
        let is_named = |vendor: &Vendor| {
            let is_this = |name: &String| name == "all" || name == vendor.name();
            names.iter().any(is_this)
        };
        let (fetch, mut beside) = (Fetch::new()?, Vec::new());
        for vendor in Vendor::ALL.into_iter().filter(is_named) {
            let listener = house::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
            let address = listener.local_addr()?;
            let issuer = &settings.authorization_server.issuer;
            let app = App {
                client_id: "sumun-demo".to_owned(),
                client_secret: Secret::random(&OsRandom),
                redirect_uri: issuer.join(&format!("/callback/{}", vendor.name())),
            };
            let unlink_callback = issuer.join(&format!("/unlink/{}", vendor.name()));
            let origin = format!("http://{address}");
            let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
            let simulator = Simulator::new(vendor, &origin, app, clock, random);
            simulator.tell(fetch.clone(), unlink_callback);
            let provider = simulator.provider(vendor.name());
            settings
                .authorization_server
                .identity_providers
                .push(provider);
            beside.push((simulator, listener, address));
        }
        Ok(Self(beside))
    }

    /// Serves them as long as the house is there; what the screen says about them.
    pub(super) fn serve(self, house: &House) -> Lines {
        let serve = |(simulator, listener, address): (Simulator, _, _)| {
            house.serve_beside(listener, simulator.router());
            (simulator.vendor(), address)
        };
        Lines(self.0.into_iter().map(serve).collect())
    }
}

/// Who can sign in where.
#[derive(Debug)]
pub(super) struct Lines(Vec<(Vendor, SocketAddr)>);

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nPeople elsewhere, at simulators on this machine: choose one on the page, or open an \
             address to withdraw"
        )?;
        for (vendor, address) in &self.0 {
            let people: Vec<_> = vendor.people().iter().map(described).collect();
            let (name, people) = (vendor.name(), people.join(", "));
            writeln!(f, "  {name:<14} http://{address}   {people}")?;
        }
        Ok(())
    }
}

fn described(person: &Person) -> String {
    match (person.email, person.email_verified) {
        (None, _) => format!("{} (no e-mail)", person.name),
        (Some(_), true) => person.name.to_owned(),
        (Some(email), false) => format!("{} ({email}, not verified)", person.name),
    }
}
