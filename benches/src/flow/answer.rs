//! What a server answers, taken apart.

use anyhow::Context as _;

/// An answer as it came.
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn require_status(&self, status: &str) -> anyhow::Result<()> {
        let found = self.0.split(' ').nth(1);
        anyhow::ensure!(found == Some(status), "the server answers: {}", self.0);
        Ok(())
    }

    /// Where the answer leads, if it has this status.
    pub(super) fn redirect(&self, status: &str) -> anyhow::Result<&str> {
        self.require_status(status)?;
        self.header("location", Some)
    }

    /// What `read` makes of the first header of this name from which it makes something.
    pub(super) fn header<'a, T>(
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
pub(super) fn path_of(address: &str) -> anyhow::Result<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let start = rest.find('/').context("find the path of an address")?;
    Ok(&rest[start..])
}

/// A parameter of an address, as it is written there.
pub(super) fn parameter<'a>(address: &'a str, name: &str) -> anyhow::Result<&'a str> {
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
        assert_eq!(answer.redirect("303").unwrap(), "/x");
        assert!(answer.redirect("302").is_err());
        let answer = Answer("HTTP/1.1 400 Bad Request\r\nlocation: /x\r\n\r\n".to_owned());
        assert!(answer.redirect("303").is_err());
        let answer = Answer("HTTP/1.1 303 See Other\r\n\r\n".to_owned());
        assert!(answer.redirect("303").is_err());
    }
}
