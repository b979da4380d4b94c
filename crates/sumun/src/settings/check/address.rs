//! Addresses: the public one, the one to listen on, and those of others.

use std::net::SocketAddr;

use oauth::address::is_protected;
use oauth::issuer::Issuer;
use url::Url;

use super::Check;
use crate::settings::file::SettingsFile;
use crate::settings::network::Network;
use crate::settings::place::Place;

impl Check<'_> {
    /// The issuer is compared as text by everybody (RFC 9207 §2.4), so one spelling has to be
    /// chosen here and kept.
    pub(super) fn public_url(&mut self, file: &SettingsFile) -> Option<Issuer> {
        let place = Place::of("public_url");
        let Some(text) = &file.public_url else {
            let message = "`public_url` is missing: write the address by which clients reach this \
                           server, such as public_url = \"https://mcp.example.com\"";
            self.refuse(&place, message);
            return None;
        };
        if let Some(without) = text.strip_suffix('/') {
            let without = without.trim_end_matches('/');
            self.refuse(
                &place,
                format!("`public_url` ends with a slash: write it as {without}"),
            );
            return None;
        }
        let issuer = self.accept(&place, Issuer::parse(text))?;
        // Parsed by the line above.
        let url = Url::parse(text).ok()?;
        if !is_protected(text) {
            let message = format!(
                "`public_url` must be https: tokens for {} would cross the network in the clear; \
                 put a reverse proxy with TLS in front and write its address",
                url.host_str().unwrap_or_default()
            );
            self.refuse(&place, message);
            return None;
        }
        // Clients compare the text, and their parsers write it like this.
        let normal = url.as_str().trim_end_matches('/');
        if normal != text {
            self.refuse(
                &place,
                format!("`public_url` has an unusual spelling: write it as {normal}"),
            );
            return None;
        }
        Some(issuer)
    }

    pub(super) fn listen(
        &mut self,
        file: &SettingsFile,
        issuer: Option<&Issuer>,
    ) -> Option<SocketAddr> {
        let place = Place::of("listen");
        let hint = |_| "write an address and a port, such as 127.0.0.1:8080";
        let listen = self.accept(&place, file.listen.parse::<SocketAddr>().map_err(hint))?;
        if !listen.ip().is_loopback() && issuer.is_some_and(|i| i.as_str().starts_with("http://")) {
            let message = format!(
                "`listen` = {listen} opens this server to the network, but `public_url` has no \
                 TLS: listen on 127.0.0.1:{}, or put a reverse proxy with TLS in front and write \
                 its https address as `public_url`",
                listen.port()
            );
            self.refuse(&place, message);
            return None;
        }
        Some(listen)
    }

    /// Where metrics are read: never where everybody comes.
    pub(super) fn metrics(
        &mut self,
        file: &SettingsFile,
        listen: Option<SocketAddr>,
    ) -> Option<SocketAddr> {
        let place = Place::of("metrics").key("listen");
        let text = file.metrics.listen.as_deref()?;
        let hint = |_| "write an address and a port, such as 127.0.0.1:9464";
        let address = self.accept(&place, text.parse::<SocketAddr>().map_err(hint))?;
        if listen == Some(address) && address.port() != 0 {
            let message = "metrics are read at another address than `listen`, where everybody comes: \
                           write one such as 127.0.0.1:9464";
            self.refuse(&place, message);
            return None;
        }
        Some(address)
    }

    /// Where traces are sent.
    pub(super) fn traces(&mut self, file: &SettingsFile) -> Option<String> {
        let place = Place::of("traces").key("endpoint");
        let endpoint = file.traces.endpoint.clone()?;
        if !cfg!(feature = "otlp") {
            let message = "this program was built without traces: build it with --features otlp, or \
                           remove `endpoint`";
            self.refuse(&place, message);
            return None;
        }
        let is_url = Url::parse(&endpoint).is_ok_and(|url| url.has_host());
        let reason = "write the address of a collector, such as http://127.0.0.1:4318/v1/traces";
        self.accept(&place, is_url.then_some(endpoint).ok_or(reason))
    }

    pub(super) fn origins(&mut self, file: &SettingsFile) -> Option<Vec<String>> {
        let list = Place::of("allowed_origins");
        let check = |(n, text): (usize, &String)| {
            let is_origin = Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.origin().ascii_serialization() == *text
            });
            let hint = "an origin is scheme, host and port alone, such as https://app.example.com";
            self.accept(
                &list.index(n),
                if is_origin {
                    Ok(text.clone())
                } else {
                    Err(hint)
                },
            )
        };
        collect(file.allowed_origins.iter().enumerate().map(check))
    }

    pub(super) fn proxies(&mut self, file: &SettingsFile) -> Option<Vec<Network>> {
        let list = Place::of("trusted_proxies");
        let parse = |(n, text): (usize, &String)| {
            let network: Network = self.parse(&list.index(n), text)?;
            let message = format!(
                "{network} is everybody, so whoever comes could write an address of their choice into \
                 X-Forwarded-For, and no limit by address would hold: write where your proxy is, such as 10.0.0.5"
            );
            let wanted = if network.is_everybody() {
                Err(message)
            } else {
                Ok(network)
            };
            self.accept(&list.index(n), wanted)
        };
        collect(file.trusted_proxies.iter().enumerate().map(parse))
    }

    pub(super) fn connections(&mut self, file: &SettingsFile) -> Option<usize> {
        let most = file.max_connections_per_address?;
        if most == 0 {
            self.refuse(
                &Place::of("max_connections_per_address"),
                "without a connection nobody is served: write at least 1",
            );
        }
        Some(usize::try_from(most).unwrap_or(usize::MAX))
    }
}

/// All of them, or none; but every one of them has been looked at.
pub(super) fn collect<T>(all: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let all: Vec<_> = all.collect();
    all.into_iter().collect()
}
