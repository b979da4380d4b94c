//! No secret is in any log, error or `Debug` (acceptance A11).

use std::fmt::Write as _;
use std::time::Duration;

use delegation::{OnBehalfOf, ServiceAccount, ServiceTokens};
use http::HeaderName;
use oauth::secret::Secret;
use serde_json::Value;

use crate::log::Log;
use crate::world::{Answer, World, provider_client};

#[tokio::test]
async fn a11_canaries_in_every_credential_appear_nowhere() {
    let (world, log) = (World::start().await, Log::default());
    let _recording = log.record();
    world.connect("alice").await;
    let header = (
        HeaderName::from_static("x-api-key"),
        Secret::from("canary-s2"),
    );
    let with_header = world.client().service(ServiceAccount::headers([header]));
    let clock = std::sync::Arc::new(world.clock.clone());
    let tokens = ServiceTokens::new(provider_client(), world.fetch.clone(), clock);
    let account = ServiceAccount::tokens(tokens);
    let with_client = world.client().service(account);
    let mut seen = String::new();
    for status in [200, 400, 401, 403, 404, 418, 429, 500] {
        for (client, whom) in [
            (&with_header, OnBehalfOf::Person("alice")),
            (&with_header, OnBehalfOf::Service),
            (&with_client, OnBehalfOf::Service),
        ] {
            world.network.state().api = Some(Answer::Echo(status));
            let error = client.on_behalf_of(whom).get::<u8>("/me", &[]).await;
            let error = error.unwrap_err();
            writeln!(seen, "{error} {error:?} {:?} {client:?}", error.said()).unwrap();
        }
    }
    for answer in [
        Answer::With(500, vec![], String::new()),
        Answer::With(200, vec![], "canary-refresh-alice".into()),
        Answer::TooSlow,
        Answer::Unplugged,
        Answer::With(400, vec![], r#"{"error":"invalid_grant"}"#.into()),
    ] {
        world.clock.advance(Duration::from_hours(2));
        world.network.state().token = Some(answer);
        for client in [&with_header, &with_client] {
            for whom in [OnBehalfOf::Person("alice"), OnBehalfOf::Service] {
                if let Err(error) = client.on_behalf_of(whom).get::<Value>("/me", &[]).await {
                    writeln!(seen, "{error} {error:?} {:?}", error.said()).unwrap();
                }
            }
        }
    }
    let requests = format!("{:?}", world.network.state().sent);
    let log = log.text();
    assert!(
        log.contains("a call of an API has failed"),
        "it is recorded"
    );
    assert!(log.contains("a credential has ended"), "to the end");
    for text in [&log, &seen, &requests] {
        assert!(!text.contains("canary"), "{text}");
    }
}
