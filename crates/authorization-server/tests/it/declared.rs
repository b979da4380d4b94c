//! Resources that the settings declare otherwise while the server runs.

use std::sync::Arc;

use authorization_server::manage::Actor;
use authorization_server::settings::Resource;
use oauth::resource::ResourceIndicator;
use store::{Kind, Store as _};

use crate::fragile::{Crash, Fragile};
use crate::house::{House, TODO, WHOAMI, scope};

const NEW: &str = "https://mcp.example/new/mcp";
const MANAGE: &str = "https://as.example/manage";

fn resource(indicator: &str) -> Resource {
    Resource {
        indicator: ResourceIndicator::parse(indicator).unwrap(),
        name: "New".to_owned(),
        scopes: scope("openid"),
    }
}

/// What tokens are issued for.
async fn issued_for(house: &House) -> Vec<String> {
    let resources = house.server.management(Actor::Operator).resources().await;
    let views = resources.unwrap().items.into_iter();
    views.map(|view| view.indicator).collect()
}

#[tokio::test]
async fn a_declaration_that_fails_changes_nothing_now_or_later() {
    let mut house = House::with(|settings| settings.management = true).await;
    let store = Fragile::over(Arc::clone(&house.store));
    house.store = Arc::clone(&store) as _;
    let house = house.restarted().await;
    let before = issued_for(&house).await;
    assert!(before.contains(&TODO.to_owned()) && before.contains(&WHOAMI.to_owned()));

    store.doom(Crash {
        after: 0,
        is_written: false,
    });
    store.remove(Kind::new("nothing"), "").await.unwrap_err();
    house.server.declare(vec![resource(NEW)]).await.unwrap_err();
    assert!(store.mend());
    house.server.refresh().await.unwrap();
    assert_eq!(issued_for(&house).await, before);

    // Whoever tries again succeeds, and the API for management is there as before.
    house.server.declare(vec![resource(NEW)]).await.unwrap();
    assert_eq!(issued_for(&house).await, [NEW, MANAGE]);
}
