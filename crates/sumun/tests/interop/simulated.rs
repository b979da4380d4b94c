//! Simulators in this process beside a real house, so that a test can make things go wrong at them.

use std::sync::Arc;

use authorization_server::simulators::{App, Fault, Simulator, Step, Vendor};
use oauth::client::fetch::Fetch;
use oauth::random::OsRandom;
use oauth::time::SystemClock;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clients::{Client, assert_unattended};
use crate::driver::Driver;
use crate::house::{House, SETTINGS, free_port};
use crate::http_client::post_form;
use crate::pages::{authorize, register, visit};

/// A house with one vendor beside it. Both end with the test.
struct Street {
    house: House,
    simulator: Simulator,
    _server: JoinSet<()>,
}

impl Street {
    async fn with(vendor: Vendor) -> Self {
        let port = free_port();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let app = App {
            client_id: "our-client".to_owned(),
            client_secret: "canary-upstream-secret".into(),
            redirect_uri: format!("http://127.0.0.1:{port}/callback/vendor"),
        };
        let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
        let simulator = Simulator::new(vendor, &origin, app, clock, random);
        let router = simulator.router();
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let directory = Arc::new(tempdir().unwrap());
        let settings = format!("{SETTINGS}{}", section(&simulator));
        let house = House::serve(&settings, &directory, port, &[]).await;
        Self {
            house,
            simulator,
            _server: server,
        }
    }

    /// Somebody of the vendor's answers both pages; what they saw.
    async fn sign_in(&self, client: &str) -> Value {
        let steps = [
            json!(["open", authorize(&self.house, client)]),
            json!(["click", "provider:vendor"]),
            json!(["click", "approve"]),
        ];
        visit(Driver::new("pages.mjs"), &steps).await
    }

    /// Where the client of `answer` was told how it went.
    #[track_caller]
    fn told(&self, answer: &Value) -> url::Url {
        let callbacks = answer["callbacks"].as_array().unwrap();
        let callback = callbacks.last().unwrap_or_else(|| {
            panic!("nobody came back: {answer:#}\n{}", self.house.log());
        });
        let client = url::Url::parse("http://127.0.0.1/").unwrap();
        client.join(callback.as_str().unwrap()).unwrap()
    }

    /// As [`Street::sign_in`]; while the provider cannot be found, people cannot even leave.
    async fn try_to_sign_in(&self, client: &str, step: Step) -> Value {
        if step != Step::Discovery {
            return self.sign_in(client).await;
        }
        let steps = [
            json!(["open", authorize(&self.house, client)]),
            json!(["click", "provider:vendor"]),
        ];
        visit(Driver::new("pages.mjs"), &steps).await
    }
}

/// The simulator as an operator would write it.
fn section(simulator: &Simulator) -> String {
    let provider = simulator.provider("vendor");
    let overrides = provider.overrides;
    let written = [
        ("issuer", overrides.issuer),
        ("authorization_endpoint", overrides.authorization_endpoint),
        ("token_endpoint", overrides.token_endpoint),
        ("userinfo_endpoint", overrides.userinfo_endpoint),
        ("email_list_endpoint", overrides.email_list_endpoint),
        ("revocation_endpoint", overrides.revocation_endpoint),
        ("jwks_uri", overrides.jwks_uri),
    ];
    let written = written
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key} = \"{}\"\n", value?)));
    let issuers = overrides.id_token_issuers;
    let issuers = issuers.map(|issuers| format!("id_token_issuers = {issuers:?}\n"));
    let (preset, client_id) = (provider.preset, provider.client_id);
    format!(
        "\n[[identity_providers]]\nid = \"vendor\"\npreset = \"{preset}\"\n\
         client_id = \"{client_id}\"\nclient_secret = \"canary-upstream-secret\"\n{}",
        written.chain(issuers).collect::<String>()
    )
}

/// Naver tells us once that somebody has withdrawn; from then on their client has to ask again.
#[tokio::test]
async fn b7_who_withdraws_at_the_provider_is_signed_out_here() {
    let street = Street::with(Vendor::Naver).await;
    let url = format!("{}/whoami/mcp", street.house.url);
    let states = tempdir().unwrap();
    let run = async |account: &str| {
        let driver = Client::FastMcp.at(&url, &states.path().join(account));
        let driver = driver.with_account_at("vendor", account);
        driver.option("--call", "whoami").run().await
    };
    let [hana, duri, _] = Vendor::Naver.people();
    for person in [hana, duri] {
        assert_eq!(run(person.key).await["browserOpened"], 1);
        assert_unattended(&run(person.key).await);
    }

    let fetch = Fetch::new().unwrap();
    let webhook = format!("{}/unlink/vendor", street.house.url);
    let told = street.simulator.unlink(hana, &fetch, &webhook).await;
    assert_eq!(told.unwrap(), 204, "{}", street.house.log());
    assert_eq!(
        run(hana.key).await["browserOpened"],
        1,
        "the tokens are over"
    );
    assert_unattended(&run(duri.key).await);

    let mut forged = street.simulator.unlink_notice(duri);
    forged[2].1.push('0');
    let form = forged
        .each_ref()
        .map(|(name, value)| format!("{name}={value}"));
    let answer = post_form(&webhook, &form.join("&")).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    assert_unattended(&run(duri.key).await);
}

/// Acceptance B1 for each step on the way: the client learns that it may try again, and nothing of
/// what happened where; the next person signs in as if nothing had been.
#[tokio::test]
async fn b1_a_provider_that_dies_in_each_step() {
    let street = Street::with(Vendor::Google).await;
    let client = register(&street.house, "Patient").await;
    for step in [Step::Token, Step::Profile] {
        dies(&street, &client, step).await;
        let well = street.told(&street.sign_in(&client).await);
        assert!(well.as_str().contains("code="), "{step:?}: {well}");
    }

    // Nobody comes back from a page that is not there, but everybody may go back to ours.
    street.simulator.begin(Fault::Down(Step::Authorize));
    let steps = [
        json!(["open", authorize(&street.house, &client)]),
        json!(["click", "provider:vendor"]),
        json!(["back"]),
        json!(["fill", "username", "nobody"]),
    ];
    let answer = visit(Driver::new("pages.mjs"), &steps).await;
    assert_eq!(answer["callbacks"], json!([]));
    street.simulator.end(Fault::Down(Step::Authorize));
    street.simulator.begin(Fault::Slow(Step::Token));
    let slow = street.told(&street.sign_in(&client).await);
    assert!(slow.as_str().contains("code="), "slow is not dead: {slow}");
    let log = street.house.log();
    assert!(!log.contains("canary-upstream-secret"), "{log}");
}

/// Metadata and keys are kept once they are known, so each house here knows nothing yet.
#[tokio::test]
async fn b1_a_provider_that_was_never_alive() {
    for step in [Step::Discovery, Step::Keys] {
        let street = Street::with(Vendor::Google).await;
        let client = register(&street.house, "Patient").await;
        dies(&street, &client, step).await;
    }
}

async fn dies(street: &Street, client: &str, step: Step) {
    for fault in [Fault::Down(step), Fault::Busy(step)] {
        street.simulator.begin(fault);
        let answer = street.try_to_sign_in(client, step).await;
        street.simulator.end(fault);
        assert_told_nothing(street, &answer, fault);
    }
}

#[track_caller]
fn assert_told_nothing(street: &Street, answer: &Value, fault: Fault) {
    let everything = answer.to_string();
    assert!(
        !everything.contains("internal.vendor"),
        "{fault:?}: {answer:#}"
    );
    assert!(
        !everything.contains("SocketTimeout"),
        "{fault:?}: {answer:#}"
    );
    if answer["callbacks"] == json!([]) {
        // The person stayed, and reads why.
        let last = answer["pages"].as_array().unwrap().last().unwrap();
        let url = last["url"].as_str().unwrap();
        assert!(url.starts_with(&street.house.url), "{fault:?}: {last:#}");
        return;
    }
    let told = street.told(answer);
    let value = |name: &str| {
        let mut pairs = told.query_pairs();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    };
    assert_eq!(
        value("error").as_deref(),
        Some("temporarily_unavailable"),
        "{fault:?}: {told}"
    );
    assert_eq!(
        value("state").as_deref(),
        Some("st4te"),
        "{fault:?}: {told}"
    );
    assert_eq!(
        value("iss").as_ref(),
        Some(&street.house.url),
        "{fault:?}: {told}"
    );
}
