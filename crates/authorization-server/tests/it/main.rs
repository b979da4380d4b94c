//! The authorization server through its router: one file per endpoint or story.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod browser;
mod flow;
mod foreign_issuer;
mod fragile;
mod house;

mod account;
mod account_clients;
mod account_connections;
mod account_invitations;
mod authorization_code;
mod cimd;
mod client_authentication;
mod client_configuration;
mod consent;
mod declared;
mod device;
mod dpop;
mod elsewhere;
mod errors;
mod grant_crashes;
mod grant_machine;
mod identity_provider;
mod introspection;
mod jwt_bearer;
mod keys;
mod logout;
mod manage;
mod metadata;
mod narrowed;
mod page_login;
mod pushed_authorization;
mod recording;
mod refresh;
mod registration;
mod revocation;
mod token_exchange;
mod userinfo;
mod workload;
