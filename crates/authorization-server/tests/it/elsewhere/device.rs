//! A device, and a person who signs in for it at an identity provider (RFC 8628 §3.3).

use oauth::client_metadata::TokenEndpointAuthMethod;
use oauth::grant_type::DEVICE_CODE;

use super::{Journey, house_with};
use crate::browser::Browser;
use crate::device::{TV, ask, enter, poll_as};
use crate::house::{House, client};

async fn house() -> House {
    house_with(|settings| {
        let tv = client(TV, None, TokenEndpointAuthMethod::None, &[DEVICE_CODE]);
        settings.clients.push(tv);
    })
    .await
}

/// Somebody who typed the code of a device; what the device asks with.
async fn begin(house: &House) -> (Journey<'_>, String) {
    let device = ask(house).await;
    let mut browser = Browser::new(house);
    let grant = enter(&mut browser, &device.user_code).await;
    (Journey { browser, grant }, device.device_code)
}

#[tokio::test]
async fn b1_a_person_signs_in_elsewhere_for_their_device() {
    let house = house().await;
    let (mut journey, device_code) = begin(&house).await;
    let answer = journey.through("naver", &["create:todos"]).await;
    assert_eq!(
        answer.location().path(),
        "/login",
        "nobody is sent to a client"
    );
    let page = journey.look().await;
    assert!(
        page.body.contains("You can go back to your device"),
        "{page:?}"
    );
    let tokens = poll_as(&house, TV, &device_code).await.tokens();
    assert_eq!(tokens.scope, "create:todos".parse().unwrap());
}

#[tokio::test]
async fn c5_a_no_at_the_provider_is_a_no_for_the_device() {
    let house = house().await;
    let (mut journey, device_code) = begin(&house).await;
    let state = journey.leave("naver", &["create:todos"]).await;
    let query = format!("state={state}&error=access_denied");
    let answer = journey.come_back_with("naver", &query).await;
    assert_eq!(answer.location().path(), "/login");
    let page = journey.look().await;
    assert!(page.body.contains("The device has no access"), "{page:?}");
    poll_as(&house, TV, &device_code)
        .await
        .refused(400, "access_denied");
}
