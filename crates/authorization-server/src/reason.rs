//! Why a request was refused, as stable codes for operators (acceptance C8).
//!
//! A peer sees the RFC's code and a request id; the log line with that id carries the reason.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal),+ $(,)?) => {
        /// A stable code for why a request was refused; `docs/errors.md` lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as it stands in the log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

reasons! {
    /// A parameter is missing, repeated, too long or not what the RFC says.
    MalformedRequest => "malformed_request",
    /// No client has this `client_id`; it may have expired.
    UnknownClient => "unknown_client",
    /// The client did not prove itself, or not by the method it registered.
    ClientAuthenticationFailed => "client_authentication_failed",
    /// The client may not use this grant type.
    GrantTypeNotAllowed => "grant_type_not_allowed",
    /// The grant type is not one of ours.
    GrantTypeUnknown => "grant_type_unknown",
    /// The redirect URI is not one that the client registered.
    RedirectUriNotRegistered => "redirect_uri_not_registered",
    /// The address after signing out is not one that the client registered.
    PostLogoutRedirectUriNotRegistered => "post_logout_redirect_uri_not_registered",
    /// The redirect URI may not be registered.
    RedirectUriRefused => "redirect_uri_refused",
    /// The client metadata may not be registered.
    ClientMetadataRefused => "client_metadata_refused",
    /// The client's metadata document could not be fetched or breaks a rule.
    MetadataDocumentRefused => "metadata_document_refused",
    /// The `request_uri` is unknown, has expired, was used or was pushed by another client.
    RequestUriUnknown => "request_uri_unknown",
    /// The authorization request has to be pushed, and stood in the browser.
    PushedRequestRequired => "pushed_request_required",
    /// The proof of possession is missing or malformed, was used before, or is of another key.
    ProofRefused => "proof_refused",
    /// The proof of possession has to answer the nonce that came along.
    ProofNonceNeeded => "proof_nonce_needed",
    /// The response type or mode is not supported.
    ResponseTypeUnsupported => "response_type_unsupported",
    /// PKCE is missing, or not S256.
    PkceRequired => "pkce_required",
    /// The code verifier does not fit the challenge; the code is burned.
    PkceMismatch => "pkce_mismatch",
    /// The resource is unknown, or outside the grant.
    ResourceRefused => "resource_refused",
    /// The scope is unknown, or more than was granted.
    ScopeRefused => "scope_refused",
    /// The code is not one that was issued here, or belongs to another client.
    CodeUnknown => "code_unknown",
    /// The code was not redeemed in time.
    CodeExpired => "code_expired",
    /// The code was redeemed before; its grant has been revoked.
    CodeReplayed => "code_replayed",
    /// The device code is not one that was issued here, or belongs to another client.
    DeviceCodeUnknown => "device_code_unknown",
    /// The person did not decide in time, or the device did not ask in time.
    DeviceCodeExpired => "device_code_expired",
    /// The device code was redeemed before; its grant has been revoked.
    DeviceCodeReplayed => "device_code_replayed",
    /// The person has not decided yet, so the device has to ask again.
    AuthorizationPending => "authorization_pending",
    /// The device asks too often; it was told to wait longer.
    PolledTooOften => "polled_too_often",
    /// The code that was typed for a device is not one that a device shows.
    UserCodeUnknown => "user_code_unknown",
    /// The refresh token is not one that was issued here, or belongs to another client.
    RefreshTokenUnknown => "refresh_token_unknown",
    /// The refresh token was rotated before, outside the grace window; its grant has been revoked.
    RefreshTokenReused => "refresh_token_reused",
    /// The grant was revoked, or its user no longer exists.
    GrantEnded => "grant_ended",
    /// The subject token is not one that this client may exchange, or is no longer good.
    SubjectTokenRefused => "subject_token_refused",
    /// The actor token is not a program's, not for this client, or no longer good.
    ActorTokenRefused => "actor_token_refused",
    /// The assertion is not one that anything can rest on, or not for this client.
    AssertionRefused => "assertion_refused",
    /// The assertion was used before.
    AssertionReplayed => "assertion_replayed",
    /// The keys of the assertion's issuer are not known, and cannot be fetched.
    IssuerUnavailable => "issuer_unavailable",
    /// A token of this type is neither taken nor issued.
    TokenTypeUnsupported => "token_type_unsupported",
    /// The person said no.
    AccessDenied => "access_denied",
    /// Nobody is signed in, and the client asked for no page.
    LoginRequired => "login_required",
    /// Consent is missing, and the client asked for no page.
    ConsentRequired => "consent_required",
    /// The authorization request is unknown, finished or too old.
    AuthorizationRequestExpired => "authorization_request_expired",
    /// The authorization request was begun in another browser.
    OtherBrowser => "other_browser",
    /// Nobody is away at an identity provider with this `state`; it may have expired.
    LoginStateUnknown => "login_state_unknown",
    /// The answer of an identity provider came to the callback of another one.
    OtherIdentityProvider => "other_identity_provider",
    /// The person at the identity provider is nobody here, and is not made known by themselves.
    IdentityUnknown => "identity_unknown",
    /// The address to connect an account is unknown or too old.
    InvitationUnknown => "invitation_unknown",
    /// The address to connect an account was made for another person than the one who is signed in.
    InvitationOfSomebodyElse => "invitation_of_somebody_else",
    /// The account at the identity provider signs in somebody else.
    IdentityTaken => "identity_taken",
    /// The person is connected to the identity provider with another account.
    IdentityAlreadyConnected => "identity_already_connected",
    /// Without the identity provider the person could not sign in any more.
    LastWayIn => "last_way_in",
    /// The form came from another site, or without the cookie of the page.
    ForeignForm => "foreign_form",
    /// The person said no at the identity provider.
    IdentityProviderDenied => "identity_provider_denied",
    /// The identity provider cannot be reached, or asks to come again later.
    IdentityProviderUnavailable => "identity_provider_unavailable",
    /// The identity provider refuses us, or its answer must not be used.
    IdentityProviderRefused => "identity_provider_refused",
    /// A notice of an identity provider is not signed by it, or is too old.
    UnlinkNoticeRefused => "unlink_notice_refused",
    /// Too many tries; the answer says when to come back.
    TooManyRequests => "too_many_requests",
    /// The access token is missing, expired, revoked or lacks a scope.
    AccessTokenRefused => "access_token_refused",
    /// The registration access token is missing, or not that of this client.
    RegistrationTokenRefused => "registration_token_refused",
    /// There is no such thing to manage.
    NotFound => "not_found",
    /// The management API has no such address, or not for this method.
    NoSuchOperation => "no_such_operation",
    /// Another one has the name.
    NameTaken => "name_taken",
    /// The settings file declares it, and it changes there alone.
    DeclaredInSettings => "declared_in_settings",
    /// Something else uses what was to be removed.
    StillInUse => "still_in_use",
    /// Somebody changed it since the caller read it.
    ChangedMeanwhile => "changed_meanwhile",
    /// The caller does not hold a right of management that they would give away or take over.
    MoreThanOwnRights => "more_than_own_rights",
    /// The caller would have locked themselves out.
    OwnAccount => "own_account",
    /// The store does not answer, or a record cannot be read.
    StoreFailed => "store_failed",
    /// The audit log cannot be written, so what was to be recorded did not happen.
    Unrecorded => "unrecorded",
    /// Something else broke on our side.
    Internal => "internal",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c8_every_reason_is_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let document = std::fs::read_to_string(path).unwrap();
        for reason in Reason::ALL {
            let row = format!("| `{}` |", reason.as_str());
            assert!(
                document.contains(&row),
                "docs/errors.md lacks {}",
                reason.as_str()
            );
        }
    }
}
