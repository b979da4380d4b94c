//! What every request of 2026-07-28 has to say about itself (MCP 2026-07-28, base protocol and Streamable HTTP).
//!
//! The order of the checks is that of the specification's own server, since clients find out by the error
//! what to mend first.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName};
use resource_server::Caller;
use resource_server::mcp::names::{
    CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, MCP_METHOD, MCP_NAME, MCP_PROTOCOL_VERSION,
    PROTOCOL_VERSION,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::front::wire::Asked;
use crate::json::{Object, Raw};
use crate::message::{RpcError, code};
use crate::revision::{Era, Revision};
use crate::upstream::mirror;
use crate::visit::{Client, Visit};

/// A request that says all it has to.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) visit: Visit,
    /// The parameters for the server, which have nothing about protocol and client in them.
    pub(super) params: Option<Raw>,
    /// What the client says to the state of a call of ours that waits for it.
    pub(super) retry: Option<Retry>,
    /// Under which name the client wants to hear of progress.
    pub(super) progress: Option<Raw>,
}

/// The second half of a request that needed input.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) state: String,
    pub(super) responses: Option<Raw>,
}

/// Checks a request; over HTTP with its headers.
pub(super) fn admit(
    caller: &Caller,
    headers: Option<&HeaderMap>,
    asked: &Asked<'_>,
) -> Result<Admitted, RpcError> {
    let header = match headers {
        Some(headers) => Some(required(headers, &MCP_PROTOCOL_VERSION)?),
        None => None,
    };
    let missing = |key: &str| {
        RpcError::new(
            code::INVALID_PARAMS,
            format!("`params._meta[\"{key}\"]` is missing"),
        )
    };
    let mut params = asked.params.and_then(Object::of).unwrap_or_default();
    let mut meta = params.object("_meta").unwrap_or_default();
    let version = meta.text(PROTOCOL_VERSION);
    let version = version
        .ok_or_else(|| missing(PROTOCOL_VERSION))?
        .into_owned();
    let capabilities = meta.object(CLIENT_CAPABILITIES);
    let capabilities = capabilities
        .ok_or_else(|| missing(CLIENT_CAPABILITIES))?
        .to_raw();
    if let Some(header) = header.filter(|header| *header != version) {
        return Err(mismatch(&format!(
            "MCP-Protocol-Version is {header} in the header and {version} in the body"
        )));
    }
    let revision = supported(&version)?;
    if let Some(headers) = headers {
        mirrored(headers, asked, &params)?;
    }
    let client = Client {
        revision,
        capabilities,
        info: meta.object(CLIENT_INFO).map(|info| info.to_raw()),
    };
    let log_level: Option<Arc<str>> = meta.text(LOG_LEVEL).map(|level| level.as_ref().into());
    let progress = meta.get("progressToken").map(RawValue::to_owned);
    for key in [
        PROTOCOL_VERSION,
        CLIENT_CAPABILITIES,
        CLIENT_INFO,
        LOG_LEVEL,
    ] {
        meta.remove(key);
    }
    let meta = (!meta.is_empty()).then(|| meta.to_raw());
    match meta {
        Some(meta) => params.set("_meta", meta),
        None => drop(params.remove("_meta")),
    }
    let retry = retry(&mut params);
    let visit = Visit {
        caller: caller.clone(),
        key: key(caller, &client),
        client: Arc::new(client),
        log_level,
        has_opened: false,
        auth_type: None,
    };
    Ok(Admitted {
        visit,
        params: (!params.is_empty()).then(|| params.to_raw()),
        retry,
        progress,
    })
}

/// Takes out what belongs to a state of ours; the states of servers behind are theirs to read.
fn retry(params: &mut Object<'_>) -> Option<Retry> {
    let state = params.text("requestState")?.into_owned();
    if !state.starts_with(super::parked::STATE) {
        return None;
    }
    params.remove("requestState");
    let responses = params.remove("inputResponses");
    let responses = responses.map(std::borrow::Cow::into_owned);
    Some(Retry { state, responses })
}

/// The revisions that are served without sessions.
pub(super) fn served() -> Vec<&'static str> {
    let stateless = |revision: &Revision| revision.era() == Era::Stateless;
    let served = Revision::ALL.into_iter().filter(stateless);
    served.map(Revision::as_str).collect()
}

fn supported(version: &str) -> Result<Revision, RpcError> {
    #[derive(Serialize)]
    struct Versions<'a> {
        supported: Vec<&'static str>,
        requested: &'a str,
    }
    let known = version.parse().ok();
    let known = known.filter(|revision: &Revision| revision.era() == Era::Stateless);
    known.ok_or_else(|| {
        let data = Versions {
            supported: served(),
            requested: version,
        };
        let what = "the protocol version is not supported";
        RpcError::new(code::UNSUPPORTED_PROTOCOL_VERSION, what).with_data(&data)
    })
}

/// Compares `Mcp-Method` and `Mcp-Name` with the body (SEP-2243).
fn mirrored(headers: &HeaderMap, asked: &Asked<'_>, params: &Object<'_>) -> Result<(), RpcError> {
    let method = required(headers, &MCP_METHOD)?;
    if method != asked.method {
        return Err(mismatch(&format!(
            "Mcp-Method is {method} in the header and {} in the body",
            asked.method
        )));
    }
    let Some(member) = mirror::named_by(&asked.method) else {
        return Ok(());
    };
    required(headers, &MCP_NAME)?;
    let name = headers.get(&MCP_NAME).and_then(mirror::decoded);
    let body = params.text(member).ok_or_else(|| {
        RpcError::new(
            code::INVALID_PARAMS,
            format!("`params.{member}` must be a string"),
        )
    })?;
    if name.as_deref() != Some(&*body) {
        return Err(mismatch("Mcp-Name differs from the body"));
    }
    Ok(())
}

/// The only value of a header that must be there.
fn required<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, RpcError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    let value = value.ok_or_else(|| mismatch(&format!("{name} is missing")))?;
    if values.next().is_some() {
        return Err(mismatch(&format!("{name} is there twice")));
    }
    value
        .to_str()
        .map_err(|_| mismatch(&format!("{name} is unreadable")))
}

pub(super) fn mismatch(what: &str) -> RpcError {
    RpcError::new(code::HEADER_MISMATCH, format!("header mismatch: {what}"))
}

/// What names all requests of one caller with one client of the same capabilities, and no others.
fn key(caller: &Caller, client: &Client) -> Arc<str> {
    let parts = [
        caller.issuer().unwrap_or_default(),
        caller.subject(),
        caller.client_id().unwrap_or_default(),
        client.revision.as_str(),
        client.capabilities.get(),
    ];
    let mut bytes = Vec::with_capacity(256);
    for part in parts {
        bytes.extend_from_slice(&part.len().to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let hash = digest(&SHA256, &bytes);
    URL_SAFE_NO_PAD.encode(hash).into()
}

#[cfg(test)]
mod tests;
