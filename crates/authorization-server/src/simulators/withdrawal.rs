//! The page on which a person takes back what they allowed our app, and what the app hears of it.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use oauth::client::fetch::Fetch;
use serde::Deserialize;

use super::page::Content;
use super::{Person, Simulator, Vendor};

/// Where the page is.
pub(super) const PAGE: &str = "/";
/// Where its buttons lead.
pub(super) const WITHDRAW: &str = "/simulator/withdraw";

/// Where a vendor tells our app that somebody has withdrawn, and what carries the news.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    fetch: Fetch,
    callback: String,
}

impl Simulator {
    /// From now on, whoever withdraws on the page is made known at `callback`, if the vendor does that.
    pub fn tell(&self, fetch: Fetch, callback: String) {
        // Once is enough: a console has one such address.
        let _ = self.0.notices.set(Notices { fetch, callback });
    }

    async fn withdraw(&self, person: &Person) {
        let is_naver = matches!(self.vendor(), Vendor::Naver | Vendor::NaverClassic);
        match self.0.notices.get().filter(|_| is_naver) {
            Some(Notices { fetch, callback }) => {
                let told = self.unlink(person, fetch, callback).await;
                tracing::info!(?told, "somebody has withdrawn at a simulator");
            }
            None => self.disconnect_all(person),
        }
    }
}

pub(super) async fn get(State(simulator): State<Simulator>) -> Response {
    let people = simulator.connected();
    simulator.show(StatusCode::OK, Content::Connections { people })
}

#[derive(Debug, Deserialize)]
pub(super) struct Withdrawal {
    person: String,
}

pub(super) async fn post(
    State(simulator): State<Simulator>,
    Form(form): Form<Withdrawal>,
) -> Response {
    let mut people = simulator.vendor().people().iter();
    let Some(person) = people.find(|person| person.key == form.person) else {
        return simulator.problem(StatusCode::BAD_REQUEST, "person", "nobody was chosen");
    };
    simulator.withdraw(person).await;
    Redirect::to(PAGE).into_response()
}
