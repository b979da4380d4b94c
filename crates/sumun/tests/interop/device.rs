//! A device without a browser, its person and their browser (RFC 8628).

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::house::{House, SETTINGS};
use crate::http_client::send;
use crate::pages::visit;
use crate::people::{ADMIN, house_with_people};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn post(url: String, content_type: &str, body: String) -> (u16, Value) {
    let request = Request::post(url).header("content-type", content_type);
    let answer = send(request.body(Body::from(body)).unwrap()).await;
    (answer.status.as_u16(), answer.json())
}

async fn post_form(url: String, form: &[(&str, &str)]) -> (u16, Value) {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(form).finish();
    post(url, "application/x-www-form-urlencoded", body).await
}

/// A device that registered itself and shows a code: its client identifier, and what it was told.
async fn device(house: &House) -> (String, Value) {
    let metadata = json!({
        "client_name": "Kitchen radio",
        "grant_types": [DEVICE_CODE, "refresh_token"],
        "token_endpoint_auth_method": "none",
    });
    let url = format!("{}/register", house.url);
    let (status, client) = post(url, "application/json", metadata.to_string()).await;
    assert_eq!(status, 201, "{client:#}");
    let client_id = client["client_id"].as_str().unwrap().to_owned();
    let url = format!("{}/device_authorization", house.url);
    let resource = format!("{}/todo/mcp", house.url);
    let form = [("client_id", &*client_id), ("resource", &resource)];
    let (status, told) = post_form(url, &form).await;
    assert_eq!(status, 200, "{told:#}");
    (client_id, told)
}

#[tokio::test]
async fn a_person_signs_in_on_a_device_by_its_code_or_by_its_link() {
    let house = house_with_people(SETTINGS).await;
    for opened in ["verification_uri", "verification_uri_complete"] {
        let (client_id, told) = device(&house).await;
        let mut steps = vec![json!(["open", told[opened]])];
        if opened == "verification_uri" {
            steps.push(json!(["fill", "user_code", told["user_code"]]));
            steps.push(json!(["click", "continue"]));
        } else {
            steps.push(json!(["click", "confirm"]));
        }
        let sign_in = steps.len() - 1;
        steps.extend([
            json!(["fill", "username", ADMIN.username]),
            json!(["fill", "password", ADMIN.password]),
            json!(["click", "approve"]),
            json!(["reload"]),
        ]);
        let answer = visit(Driver::new("pages.mjs"), &steps).await;
        assert_eq!(answer["console"], json!([]), "{answer:#}");
        let text = |at: usize| answer["pages"][at]["text"].as_str().unwrap();
        for expected in ["Kitchen radio", told["user_code"].as_str().unwrap()] {
            assert!(text(sign_in).contains(expected), "{answer:#}");
        }
        for done in [steps.len() - 2, steps.len() - 1] {
            assert!(
                text(done).contains("You can go back to your device"),
                "{answer:#}"
            );
        }

        let form = [
            ("grant_type", DEVICE_CODE),
            ("device_code", told["device_code"].as_str().unwrap()),
            ("client_id", &client_id),
        ];
        let (status, tokens) = post_form(format!("{}/token", house.url), &form).await;
        assert_eq!(status, 200, "{tokens:#}");
        assert!(tokens["refresh_token"].is_string());
    }
}
