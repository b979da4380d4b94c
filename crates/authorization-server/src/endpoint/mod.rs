//! Endpoints, named by their metadata parameters without `_endpoint` (RFC 8414 §2).

pub(crate) mod authorization;
pub(crate) mod client_configuration;
pub(crate) mod device_authorization;
pub(crate) mod end_session;
pub(crate) mod introspection;
pub(crate) mod jwks;
pub(crate) mod metadata;
pub(crate) mod pushed_authorization;
pub(crate) mod registration;
pub(crate) mod revocation;
pub(crate) mod token;
pub(crate) mod unlink;
pub(crate) mod userinfo;
