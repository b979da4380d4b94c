//! Reasons that the rules look for, shared with the rooms above that write them, so that neither can say it otherwise.

/// The policy does not let the caller do it.
pub const POLICY_DENIED: &str = "policy_denied";

/// A token with more scope than there may be was asked for (RFC 6749 `invalid_scope`).
pub const SCOPE_REFUSED: &str = "scope_refused";

/// A token for a resource that it may not be for was asked for (RFC 8707 `invalid_target`).
pub const RESOURCE_REFUSED: &str = "resource_refused";

/// A token with more rights than the caller's own was asked for.
pub const MORE_THAN_OWN: &str = "more_than_own";
