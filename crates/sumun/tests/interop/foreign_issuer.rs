//! whoami behind a foreign authorization server: npm `oidc-provider`, in several ways to verify.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin};
use tokio::task::JoinSet;

use crate::clients::{Client, result};
use crate::driver::Driver;
use crate::house::House;
use crate::http_client::{Answer, call_tool, post_form};
use crate::people::Person;

/// The settings of a house whose whoami believes another issuer, but for that issuer.
const SETTINGS: &str = include_str!("foreign.toml");

/// At the foreign issuer any password is right.
pub(crate) const BORA: Person = Person {
    username: "bora",
    password: "any",
    role: "",
};

/// The running provider. It ends with the test.
pub(crate) struct Issuer {
    document: Value,
    _child: Child,
    /// The provider runs until this is closed.
    _stdin: ChildStdin,
    home: TempDir,
}

/// What it says, in its home.
const LOG: &str = "provider.log";

impl Drop for Issuer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default();
            eprintln!("the foreign issuer said:\n{log}");
        }
    }
}

impl Issuer {
    pub(crate) async fn start(options: &[(&str, &str)]) -> Self {
        let driver = options
            .iter()
            .fold(Driver::new("oidc_provider.mjs"), |driver, (name, value)| {
                driver.option(name, value)
            });
        let (mut command, home) = driver.into_command();
        let log = File::create(home.path().join(LOG)).unwrap();
        let mut child = command.stdin(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let first = stdout.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(30), first)
            .await
            .unwrap()
            .unwrap();
        let document = serde_json::from_str(&line).expect("the provider says where it is");
        Self {
            document,
            _child: child,
            _stdin: stdin,
            home,
        }
    }

    /// What the provider said about itself: `issuer`, `token_endpoint` and so on.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.document[name].as_str().unwrap()
    }

    /// The credentials of one of its clients.
    pub(crate) fn credentials(&self, client: &str) -> (&str, &str) {
        let of = |name| self.document[client][name].as_str().unwrap();
        (of("client_id"), of("client_secret"))
    }

    /// A token of the provider's `machine` for `resource`.
    async fn token(&self, resource: &str) -> String {
        let form = format!("grant_type=client_credentials&scope=openid&resource={resource}");
        let answer = self.post_as("machine", "token_endpoint", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Sends a form to one of its endpoints, as one of its clients.
    async fn post_as(&self, client: &str, endpoint: &str, form: &str) -> Answer {
        let (id, secret) = self.credentials(client);
        let form = format!("{form}&client_id={id}&client_secret={secret}");
        post_form(self.get(endpoint), &form).await
    }

    /// A house whose whoami accepts tokens of this provider, and whose todos do not.
    async fn house(&self, how: &str) -> House {
        let issuer = self.get("issuer");
        let settings = format!("{SETTINGS}authorization_server = \"{issuer}\"\n{how}");
        House::with_settings(&settings).await
    }

    fn introspection(&self) -> String {
        let (id, secret) = self.credentials("resource_server");
        format!("verify = \"introspection\"\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\n")
    }
}

/// The address of whoami.
fn whoami_of(house: &House) -> String {
    format!("{}/whoami/mcp", house.url)
}

async fn whoami(house: &House, token: &str) -> Answer {
    call_tool(&whoami_of(house), token, "whoami", json!({})).await
}

/// What whoami returned.
#[track_caller]
fn identity(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["result"]["structuredContent"].clone()
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

async fn signed_with(algorithm: &str) {
    let issuer = Issuer::start(&[("--alg", algorithm), ("--scopes", "openid")]).await;
    let house = issuer.house("verify = \"jwt\"\n").await;
    let token = issuer.token(&whoami_of(&house)).await;
    assert_eq!(token.split('.').count(), 3, "a JWT");
    let identity = identity(&whoami(&house, &token).await);
    let expected = json!({
        "sub": "machine", "client_id": "machine", "iss": issuer.get("issuer"), "scope": "openid",
    });
    assert_eq!(identity, expected);
}

#[tokio::test]
async fn whoami_accepts_foreign_tokens_signed_with_es256() {
    signed_with("ES256").await;
}

#[tokio::test]
async fn whoami_accepts_foreign_tokens_signed_with_eddsa() {
    signed_with("EdDSA").await;
}

#[tokio::test]
async fn whoami_accepts_foreign_tokens_signed_with_rs256() {
    signed_with("RS256").await;
}

/// Opaque tokens say nothing themselves, so the issuer is asked.
#[tokio::test]
async fn whoami_accepts_foreign_opaque_tokens_by_introspection() {
    let scopes = "openid profile email";
    let issuer = Issuer::start(&[("--format", "opaque"), ("--scopes", scopes)]).await;
    let house = issuer.house(&issuer.introspection()).await;
    let resource = whoami_of(&house);
    let token = token_of_bora(&issuer, Some(&resource)).await;
    assert!(!token.contains('.'), "not a JWT: {token}");
    let expected = json!({
        "sub": "bora", "client_id": "web", "iss": issuer.get("issuer"), "scope": scopes,
    });
    assert_eq!(identity(&whoami(&house, &token).await), expected);

    let elsewhere = token_of_bora(&issuer, Some("https://other.example/mcp")).await;
    assert_refused(&whoami(&house, &elsewhere).await);
    assert_refused(&whoami(&house, "a-token-of-nobody").await);
    // This issuer names no subject for a client that acts for itself, so nobody is there to name.
    assert_refused(&whoami(&house, &issuer.token(&resource).await).await);

    let answer = issuer
        .post_as("web", "revocation_endpoint", &format!("token={token}"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // What was asked a moment ago may be remembered for a while; another house has to ask.
    let audience = format!("audience = \"{resource}\"\n");
    let fresh = issuer
        .house(&format!("{}{audience}", issuer.introspection()))
        .await;
    assert_refused(&whoami(&fresh, &token).await);
}

/// Userinfo knows people, so this is about somebody who signed in, and it does not tell what the
/// token may do: the settings do.
#[tokio::test]
async fn whoami_accepts_foreign_tokens_by_userinfo() {
    let issuer = Issuer::start(&[]).await;
    let house = issuer
        .house("verify = \"userinfo\"\nscope = [\"profile\"]\n")
        .await;
    let token = token_of_bora(&issuer, None).await;
    let identity = identity(&whoami(&house, &token).await);
    assert_eq!(identity["sub"], "bora", "{identity:#}");
    assert_eq!(identity["name"], "bora", "{identity:#}");
    assert_eq!(identity["email"], "bora@example.com", "{identity:#}");
    assert_refused(&whoami(&house, "a-token-of-nobody").await);
}

#[tokio::test]
async fn whoami_refuses_what_is_not_from_its_issuer_or_not_for_it() {
    let issuer = Issuer::start(&[("--scopes", "openid")]).await;
    let house = issuer.house("verify = \"jwt\"\n").await;
    let address = whoami_of(&house);
    let good = issuer.token(&address).await;
    assert_eq!(whoami(&house, &good).await.status, 200);

    for audience in [
        "https://other.example/mcp",
        &format!("{}/todo/mcp", house.url),
    ] {
        assert_refused(&whoami(&house, &issuer.token(audience).await).await);
    }
    let ours = house
        .client_token("robot", "canary-client-secret", "create:todos")
        .await;
    assert_refused(&whoami(&house, &ours).await);
    let stranger = Issuer::start(&[("--scopes", "openid")]).await;
    assert_refused(&whoami(&house, &stranger.token(&address).await).await);
    let (claims, signature) = good.rsplit_once('.').unwrap();
    let turned: String = signature.chars().rev().collect();
    assert_refused(&whoami(&house, &format!("{claims}.{turned}")).await);

    // And our own servers do not believe that issuer.
    let todo = format!("{}/todo/mcp", house.url);
    let foreign = issuer.token(&todo).await;
    assert_refused(&call_tool(&todo, &foreign, "get-todos", json!({})).await);
    assert_eq!(
        call_tool(&todo, &ours, "get-todos", json!({})).await.status,
        200
    );
}

#[tokio::test]
async fn whoami_refuses_foreign_tokens_that_have_expired() {
    let issuer = Issuer::start(&[("--scopes", "openid"), ("--ttl", "1")]).await;
    let house = issuer.house("verify = \"jwt\"\n").await;
    let token = issuer.token(&whoami_of(&house)).await;
    let refused = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let answer = whoami(&house, &token).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(90), refused)
        .await
        .unwrap();
    assert_refused(&answer);
    assert!(
        answer.header("www-authenticate").contains("expired"),
        "{answer:?}"
    );
}

/// The road of an MCP client leads to the other issuer and back, with nothing of ours on it.
#[tokio::test]
async fn clients_sign_in_at_the_foreign_issuer() {
    let issuer = Issuer::start(&[("--scopes", "openid profile email")]).await;
    let house = issuer.house("verify = \"jwt\"\n").await;
    for client in [Client::TypeScript, Client::FastMcp] {
        let state = tempdir().unwrap();
        let driver = client.at(&whoami_of(&house), state.path()).person(BORA);
        let answer = driver.option("--call", "whoami").run().await;
        assert_eq!(
            (&answer["registered"], &answer["browserOpened"]),
            (&json!(true), &json!(1))
        );
        let identity = result(&answer, 0);
        assert_eq!(identity["sub"], "bora", "{client:?}: {identity:#}");
        assert_eq!(
            identity["iss"],
            issuer.get("issuer"),
            "{client:?}: {identity:#}"
        );
    }
}

/// The RFC's own verifier and challenge (RFC 7636 appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Somebody signs in at the issuer, for a token that opens one resource or, without any, userinfo.
async fn token_of_bora(issuer: &Issuer, resource: Option<&str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirect_uri = format!("http://{}/callback", listener.local_addr().unwrap());
    let mut client = JoinSet::new();
    let page = Router::new().route("/callback", get(|| async { "You may close this page." }));
    client.spawn(async move { axum::serve(listener, page).await });

    let target = resource.map_or_else(String::new, |resource| format!("&resource={resource}"));
    let address = format!(
        "{}/auth?response_type=code&client_id=web&redirect_uri={redirect_uri}\
         &scope=openid+profile+email&code_challenge={CHALLENGE}&code_challenge_method=S256{target}",
        issuer.get("issuer")
    );
    let sign_in = Driver::new("browser.mjs")
        .flag(&address)
        .person(BORA)
        .run()
        .await;
    let landed = url::Url::parse(sign_in["finalUrl"].as_str().unwrap()).unwrap();
    let code = landed
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1;

    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={redirect_uri}\
         &code_verifier={VERIFIER}{target}"
    );
    let answer = issuer.post_as("web", "token_endpoint", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}
