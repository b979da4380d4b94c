//! Client ID metadata documents, fetched from an address that a stranger names.

use axum::body::Body;
use http::Request;
use http::header::LOCATION;

use crate::house::{CLIENT, with_house};

/// The document is the input; the request is always the same.
pub fn run(data: &[u8]) {
    let query = "response_type=code&client_id=https%3A%2F%2Fclient.example%2Fapp\
                 &redirect_uri=https%3A%2F%2Fclient.example%2Fcallback&state=s\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                 &code_challenge_method=S256";
    let answer = with_house(|house| {
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
        ];
        house.network.answer(CLIENT, 200, &headers, data.to_vec());
        let request = Request::get(format!("/authorize?{query}"));
        let request = request.body(Body::empty());
        house.attack(request.expect("it is always the same request"))
    });
    if let Some(location) = answer.headers.get(LOCATION) {
        // Whatever the document says, the answer goes to our page or to the address that was asked for.
        let location = location.to_str().expect("addresses are ASCII");
        let is_ours = location.starts_with("https://as.example/login?");
        let is_clients = location.starts_with("https://client.example/callback?");
        assert!(is_ours || is_clients, "{location}");
    }
}
