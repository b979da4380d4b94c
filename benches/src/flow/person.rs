//! A person with a browser and a client, who go through the flow again and again.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::load::{Connection, written};
use crate::subject::authorization_server::SCOPE;
use crate::subject::road::{CLIENT, PROVIDER, REDIRECT};

/// RFC 7636 appendix B. Everybody has the same one: the server does not know that.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// Of the authorization endpoint: the address of the page.
    Authorization,
    /// The page.
    Page,
    /// Of the button: the address of the provider.
    Departure,
    /// Of the callback: the address of the client.
    Return,
    /// Of the token endpoint.
    Token,
}

/// How far a person came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Nowhere: no answer is there yet.
    Waiting,
    /// To the next request.
    Gone,
    /// To the end of a flow that took so long, and to the beginning of the next.
    Ended(Duration),
}

/// Somebody on the way.
pub(super) struct Person {
    connection: Connection,
    number: usize,
    provider: u16,
    awaited: Awaited,
    began: Instant,
    /// Where the page is, and the cookie of a browser that is new in each flow.
    page: String,
    cookie: String,
}

impl Person {
    /// Sends the first request.
    pub(super) fn start(
        connection: Connection,
        number: usize,
        provider: u16,
    ) -> anyhow::Result<Self> {
        let mut person = Self {
            connection,
            number,
            provider,
            awaited: Awaited::Authorization,
            began: Instant::now(),
            page: String::new(),
            cookie: String::new(),
        };
        person.authorize()?;
        Ok(person)
    }

    /// Goes on if an answer is there.
    pub(super) fn step(&mut self) -> anyhow::Result<Step> {
        let Some(answer) = self.connection.answer()? else {
            return Ok(Step::Waiting);
        };
        let answer = Answer(answer.to_owned());
        match self.awaited {
            Awaited::Authorization => {
                path_of(answer.redirect()?)?.clone_into(&mut self.page);
                self.cookie = answer.header("set-cookie", |value| {
                    value.split(';').next().map(str::to_owned)
                })?;
                self.visit(Awaited::Page, &self.page.clone())?;
            }
            Awaited::Page => {
                answer.require_status("200")?;
                let grant = parameter(&self.page, "grant")?;
                let form = format!("grant={grant}&scope={SCOPE}&action=provider%3A{PROVIDER}");
                self.send_form(Awaited::Departure, "/login", &form)?;
            }
            Awaited::Departure => {
                let location = answer.redirect()?;
                let at_provider = format!("http://127.0.0.1:{}/authorize?", self.provider);
                anyhow::ensure!(location.starts_with(&at_provider), "sent to {location}");
                // What the person does at the provider is not our server's work. Its code tells the
                // provider again what it has to put into the ID token.
                let nonce = parameter(location, "nonce")?;
                let (number, state) = (self.number, parameter(location, "state")?);
                let path = format!("/callback/{PROVIDER}?code={nonce}.{number}&state={state}");
                self.visit(Awaited::Return, &path)?;
            }
            Awaited::Return => {
                let location = answer.redirect()?;
                anyhow::ensure!(location.starts_with(REDIRECT), "sent to {location}");
                let code = parameter(location, "code")?;
                let form = format!(
                    "grant_type=authorization_code&client_id={CLIENT}&code={code}\
                     &redirect_uri={REDIRECT}&code_verifier={VERIFIER}"
                );
                self.send_form(Awaited::Token, "/token", &form)?;
            }
            Awaited::Token => {
                answer.require_status("200")?;
                anyhow::ensure!(answer.0.contains("\"access_token\""), "{}", answer.0);
                let ended = Step::Ended(self.began.elapsed());
                self.authorize()?;
                return Ok(ended);
            }
        }
        Ok(Step::Gone)
    }

    fn authorize(&mut self) -> anyhow::Result<()> {
        self.began = Instant::now();
        let path = format!(
            "/authorize?response_type=code&client_id={CLIENT}&redirect_uri={REDIRECT}&scope={SCOPE}\
             &state=s&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        // The browser is new each time.
        self.cookie.clear();
        self.visit(Awaited::Authorization, &path)
    }

    /// Goes to a page, as a browser says it (Fetch Metadata).
    fn visit(&mut self, awaited: Awaited, path: &str) -> anyhow::Result<()> {
        let mut headers = vec![
            ("Sec-Fetch-Mode", "navigate".to_owned()),
            ("Sec-Fetch-Dest", "document".to_owned()),
        ];
        if !self.cookie.is_empty() {
            headers.push(("Cookie", self.cookie.clone()));
        }
        self.send(awaited, "GET", path, &headers, "")
    }

    fn send_form(&mut self, awaited: Awaited, path: &str, form: &str) -> anyhow::Result<()> {
        let kind = "application/x-www-form-urlencoded".to_owned();
        let headers = [("Content-Type", kind), ("Cookie", self.cookie.clone())];
        self.send(awaited, "POST", path, &headers, form)
    }

    fn send(
        &mut self,
        awaited: Awaited,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> anyhow::Result<()> {
        self.awaited = awaited;
        self.connection.send(&written(method, path, headers, body))
    }
}

/// An answer as it came.
struct Answer(String);

impl Answer {
    fn require_status(&self, status: &str) -> anyhow::Result<()> {
        let found = self.0.split(' ').nth(1);
        anyhow::ensure!(found == Some(status), "the server answers: {}", self.0);
        Ok(())
    }

    /// Where the answer leads.
    fn redirect(&self) -> anyhow::Result<&str> {
        self.require_status("303")?;
        self.header("location", Some)
    }

    /// What `read` makes of the first header of this name from which it makes something.
    fn header<'a, T>(
        &'a self,
        name: &str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let (head, _) = self.0.split_once("\r\n\r\n").context("find the head")?;
        let value = head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| read(value))?
        });
        value.with_context(|| format!("there is no {name}: {head}"))
    }
}

/// The path and query of an address.
fn path_of(address: &str) -> anyhow::Result<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let start = rest.find('/').context("find the path of an address")?;
    Ok(&rest[start..])
}

/// A parameter of an address, as it is written there.
fn parameter<'a>(address: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let (_, query) = address.split_once('?').context("find the query")?;
    let found = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.with_context(|| format!("there is no {name} in {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let address = "http://127.0.0.1:9000/login?grant=g1&x=y";
        assert_eq!(path_of(address).unwrap(), "/login?grant=g1&x=y");
        assert_eq!(path_of("/login").unwrap(), "/login");
        assert_eq!(parameter(address, "grant").unwrap(), "g1");
        assert!(parameter(address, "gran").is_err());
    }

    #[test]
    fn an_answer_that_leads_nowhere_spoils_the_measurement() {
        let answer = Answer("HTTP/1.1 303 See Other\r\nlocation: /x\r\n\r\n".to_owned());
        assert_eq!(answer.redirect().unwrap(), "/x");
        let answer = Answer("HTTP/1.1 400 Bad Request\r\nlocation: /x\r\n\r\n".to_owned());
        assert!(answer.redirect().is_err());
        let answer = Answer("HTTP/1.1 303 See Other\r\n\r\n".to_owned());
        assert!(answer.redirect().is_err());
    }
}
