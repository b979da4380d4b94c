//! A person with a browser and a client, who go through the flow again and again.

use std::time::{Duration, Instant};

use super::answer::{Answer, parameter, path_of};
use crate::command_line::{Flows, Maker};
use crate::load::{Connection, written};
use crate::subject::authorization_server::SCOPE;
use crate::subject::road::{PROVIDER, REDIRECT};

/// RFC 7636 appendix B. Everybody has the same one: the server does not know that.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Which answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// Of the authorization endpoint: the address of the page, or of the provider if there is no page.
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
    /// To the end of a flow that took so long.
    Ended(Duration),
}

/// What the flows of the makers do not have in common.
struct Way {
    /// The status of answers that lead elsewhere.
    redirect: &'static str,
    /// What the provider is told that nobody else is told; its code repeats it.
    told: &'static str,
    /// Where people return to.
    callback: String,
}

impl Way {
    fn of(maker: Maker) -> Self {
        match maker {
            Maker::Sumun => Self {
                redirect: "303",
                // It has to stand in the ID token.
                told: "nonce",
                callback: format!("/callback/{PROVIDER}"),
            },
            Maker::Fastmcp => Self {
                redirect: "302",
                told: "state",
                callback: "/auth/callback".to_owned(),
            },
        }
    }
}

/// Somebody on the way.
pub(super) struct Person<'a> {
    flows: &'a Flows,
    way: Way,
    connection: Connection,
    number: usize,
    awaited: Awaited,
    began: Instant,
    /// Where the page is, and the cookie of a browser that is new in each flow.
    page: String,
    cookie: String,
}

impl<'a> Person<'a> {
    /// Sends the first request.
    pub(super) fn start(flows: &'a Flows, number: usize) -> anyhow::Result<Self> {
        let mut person = Self {
            flows,
            way: Way::of(flows.maker),
            connection: Connection::open(flows.port)?,
            number,
            awaited: Awaited::Authorization,
            began: Instant::now(),
            page: String::new(),
            cookie: String::new(),
        };
        person.begin()?;
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
                let location = answer.redirect(self.way.redirect)?;
                if self.flows.maker == Maker::Fastmcp {
                    self.visit_provider(location)?;
                } else {
                    path_of(location)?.clone_into(&mut self.page);
                    self.cookie = answer.header("set-cookie", |value| {
                        value.split(';').next().map(str::to_owned)
                    })?;
                    self.visit(Awaited::Page, &self.page.clone())?;
                }
            }
            Awaited::Page => {
                answer.require_status("200")?;
                let grant = parameter(&self.page, "grant")?;
                let form = format!("grant={grant}&scope={SCOPE}&action=provider%3A{PROVIDER}");
                self.send_form(Awaited::Departure, "/login", &form)?;
            }
            Awaited::Departure => {
                let location = answer.redirect(self.way.redirect)?;
                self.visit_provider(location)?;
            }
            Awaited::Return => {
                let location = answer.redirect(self.way.redirect)?;
                anyhow::ensure!(location.starts_with(REDIRECT), "sent to {location}");
                let (client, code) = (&self.flows.client, parameter(location, "code")?);
                let form = format!(
                    "grant_type=authorization_code&client_id={client}&code={code}\
                     &redirect_uri={REDIRECT}&code_verifier={VERIFIER}"
                );
                self.send_form(Awaited::Token, "/token", &form)?;
            }
            Awaited::Token => {
                answer.require_status("200")?;
                anyhow::ensure!(answer.0.contains("\"access_token\""), "{}", answer.0);
                return Ok(Step::Ended(self.began.elapsed()));
            }
        }
        Ok(Step::Gone)
    }

    /// Sends the first request of a flow.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        self.began = Instant::now();
        let path = format!(
            "/authorize?response_type=code&client_id={}&redirect_uri={REDIRECT}&scope={SCOPE}\
             &state=s&code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.flows.client
        );
        // The browser is new each time.
        self.cookie.clear();
        self.visit(Awaited::Authorization, &path)
    }

    /// Returns from the provider: what the person does there is not the server's work.
    fn visit_provider(&mut self, location: &str) -> anyhow::Result<()> {
        let at_provider = format!("http://127.0.0.1:{}/authorize?", self.flows.provider);
        anyhow::ensure!(location.starts_with(&at_provider), "sent to {location}");
        let Way { told, callback, .. } = &self.way;
        let (told, number) = (parameter(location, told)?, self.number);
        let state = parameter(location, "state")?;
        let path = format!("{callback}?code={told}.{number}&state={state}");
        self.visit(Awaited::Return, &path)
    }

    /// Goes to a page, as a browser says it (Fetch Metadata).
    fn visit(&mut self, awaited: Awaited, path: &str) -> anyhow::Result<()> {
        let mut headers = vec![
            ("Sec-Fetch-Mode", "navigate".to_owned()),
            ("Sec-Fetch-Dest", "document".to_owned()),
        ];
        headers.extend(self.cookie_header());
        self.send(awaited, "GET", path, &headers, "")
    }

    fn send_form(&mut self, awaited: Awaited, path: &str, form: &str) -> anyhow::Result<()> {
        let kind = "application/x-www-form-urlencoded".to_owned();
        let mut headers = vec![("Content-Type", kind)];
        headers.extend(self.cookie_header());
        self.send(awaited, "POST", path, &headers, form)
    }

    /// The cookie, if the browser was given one.
    fn cookie_header(&self) -> Option<(&'static str, String)> {
        (!self.cookie.is_empty()).then(|| ("Cookie", self.cookie.clone()))
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
