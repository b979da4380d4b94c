//! What a vendor remembers: who was asked, codes, tokens, and connections that have ended (RFC 6749 §4.1, §6).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use oauth::pkce::{CodeChallenge, CodeVerifier};
use oauth::random;
use oauth::time::NumericDate;

use super::{CalendarEvent, Fault, Parameters, Person, Simulator, lock};

/// How long a code lives.
const CODE: Duration = Duration::from_mins(10);

#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Authorization requests that wait for a person.
    asked: HashMap<String, Parameters>,
    codes: HashMap<String, Code>,
    tokens: HashMap<String, Token>,
    ended: BTreeSet<usize>,
    connections: usize,
    pub(super) events: Vec<CalendarEvent>,
}

#[derive(Debug)]
struct Code {
    connection: Connection,
    expires_at: NumericDate,
    is_used: bool,
}

/// That a person has let our app in, with the request in which we asked for it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    number: usize,
    pub(super) person: &'static Person,
    pub(super) sent: Parameters,
}

impl Connection {
    /// What the person agreed to.
    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.sent.words("scope").any(|word| word == scope)
    }

    pub(super) fn scope(&self) -> &str {
        self.sent.get("scope").unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Refresh,
}

/// A token and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Token {
    kind: Kind,
    pub(super) connection: Connection,
    pub(super) expires_at: NumericDate,
}

/// Why a code is not redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadCode {
    /// Unknown or expired.
    Unknown,
    Used,
    RedirectUri,
    Verifier,
}

impl Simulator {
    /// Keeps an authorization request until the person has answered; its name.
    pub(super) fn keep(&self, sent: Parameters) -> String {
        let name = self.made_up("");
        lock(&self.0.desk).asked.insert(name.clone(), sent);
        name
    }

    /// The request that the person has answered, once.
    pub(super) fn answered(&self, name: &str) -> Option<Parameters> {
        lock(&self.0.desk).asked.remove(name)
    }

    /// The person lets our app in.
    pub(super) fn connect(&self, person: &'static Person, sent: Parameters) -> Connection {
        let mut desk = lock(&self.0.desk);
        desk.connections += 1;
        Connection {
            number: desk.connections,
            person,
            sent,
        }
    }

    /// A code for it.
    pub(super) fn code(&self, connection: Connection) -> String {
        let code = random::token::<16>(&*self.0.random);
        let kept = Code {
            connection,
            expires_at: self.now().plus(CODE),
            is_used: false,
        };
        lock(&self.0.desk).codes.insert(code.clone(), kept);
        code
    }

    /// Redeems the code of a token request, once; a second time ends the connection (RFC 6749 §4.1.2).
    pub(super) fn redeem(&self, sent: &Parameters) -> Result<Connection, BadCode> {
        let now = self.now();
        let is_late = self.has(Fault::ExpiredCode);
        let mut desk = lock(&self.0.desk);
        let code = sent.get("code").unwrap_or_default();
        let code = desk.codes.get_mut(code).ok_or(BadCode::Unknown)?;
        if code.is_used {
            let number = code.connection.number;
            desk.ended.insert(number);
            return Err(BadCode::Used);
        }
        code.is_used = true;
        if is_late || now >= code.expires_at {
            return Err(BadCode::Unknown);
        }
        let asked = &code.connection.sent;
        let redirect_uri = sent.get("redirect_uri");
        if redirect_uri.is_some() && redirect_uri != asked.get("redirect_uri") {
            return Err(BadCode::RedirectUri);
        }
        check_verifier(asked, sent)?;
        Ok(code.connection.clone())
    }

    /// Issues a token.
    pub(super) fn issue(
        &self,
        kind: Kind,
        connection: &Connection,
        token: String,
        lifetime: Duration,
    ) -> String {
        let kept = Token {
            kind,
            connection: connection.clone(),
            expires_at: self.now().plus(lifetime),
        };
        lock(&self.0.desk).tokens.insert(token.clone(), kept);
        token
    }

    /// What a token stands for, while it is good.
    pub(super) fn find(&self, kind: Kind, token: &str) -> Option<Token> {
        if self.has(Fault::RevokedConsent) {
            return None;
        }
        let desk = lock(&self.0.desk);
        let found = desk.tokens.get(token)?;
        let is_good = found.kind == kind
            && self.now() < found.expires_at
            && !desk.ended.contains(&found.connection.number);
        is_good.then(|| found.clone())
    }

    /// A token of either kind, for who wants to end it.
    pub(super) fn find_any(&self, token: &str) -> Option<Token> {
        self.find(Kind::Access, token)
            .or_else(|| self.find(Kind::Refresh, token))
    }

    /// Ends one token.
    pub(super) fn forget(&self, token: &str) {
        lock(&self.0.desk).tokens.remove(token);
    }

    /// Ends every token of a connection.
    pub(super) fn disconnect(&self, connection: &Connection) {
        lock(&self.0.desk).ended.insert(connection.number);
    }

    /// Who has a connection, in the order of the vendor's people.
    pub(super) fn connected(&self) -> Vec<&'static Person> {
        let desk = lock(&self.0.desk);
        let is_connected = |person: &&Person| {
            let mut tokens = desk.tokens.values().map(|token| &token.connection);
            tokens.any(|connection| {
                connection.person == *person && !desk.ended.contains(&connection.number)
            })
        };
        self.vendor().people().iter().filter(is_connected).collect()
    }

    /// Ends every connection of a person.
    pub(super) fn disconnect_all(&self, person: &Person) {
        let mut desk = lock(&self.0.desk);
        let of_person = |token: &&Token| token.connection.person.subject == person.subject;
        let numbers: Vec<_> = desk
            .tokens
            .values()
            .filter(of_person)
            .map(|token| token.connection.number)
            .collect();
        desk.ended.extend(numbers);
    }
}

/// RFC 7636 §4.6; a verifier without a challenge is a mistake as well (RFC 9700 §4.8.2).
fn check_verifier(asked: &Parameters, sent: &Parameters) -> Result<(), BadCode> {
    let verifier = sent.get("code_verifier");
    let Some(challenge) = asked.get("code_challenge") else {
        return match verifier {
            None => Ok(()),
            Some(_) => Err(BadCode::Verifier),
        };
    };
    let challenge = CodeChallenge::parse(challenge).map_err(|_| BadCode::Verifier)?;
    let verifier = CodeVerifier::parse(verifier.unwrap_or_default());
    let verifier = verifier.map_err(|_| BadCode::Verifier)?;
    let fits = challenge.matches(&verifier);
    fits.then_some(()).ok_or(BadCode::Verifier)
}
