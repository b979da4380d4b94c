//! What can go wrong at a vendor: outages of each step, and answers that must not be believed (RFC 9700 §4).

/// What a request asks of a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The page where a person is asked.
    Authorize,
    /// What the person answered.
    Choice,
    /// A code becomes tokens.
    Token,
    /// A refresh token becomes tokens.
    Refresh,
    /// The metadata document.
    Discovery,
    /// The keys that sign ID tokens.
    Keys,
    /// Who the person is.
    Profile,
    /// A token, or the whole connection, ends.
    Revoke,
    /// Something is searched for.
    Search,
    /// An event is written into a calendar.
    Calendar,
}

/// Something that goes wrong from [`Simulator::begin`](super::Simulator::begin) to
/// [`Simulator::end`](super::Simulator::end).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The step answers 503, with a page of the vendor's inside that must not get further.
    Down(Step),
    /// The step answers 429 and names the seconds to wait.
    Busy(Step),
    /// The step answers after two seconds.
    Slow(Step),
    /// The step never answers.
    Hangs(Step),
    /// The step answers 200 with something that is not what was asked for.
    Garbled(Step),
    /// People come back with another `state` than they were sent with.
    WrongState,
    /// People come back without a `state`.
    NoState,
    /// Every code is too old when it is redeemed.
    ExpiredCode,
    /// The person has withdrawn: no token is good any more.
    RevokedConsent,
    /// No answer has a refresh token.
    NoRefreshToken,
    /// ID tokens carry another `nonce` than the request.
    WrongNonce,
    /// ID tokens are for another client.
    WrongAudience,
    /// ID tokens are from another issuer.
    WrongIssuer,
    /// ID tokens have expired.
    ExpiredIdToken,
    /// The signature of ID tokens is wrong.
    WrongSignature,
    /// The calendar says that the app has not been allowed to use it.
    CalendarNotAllowed,
    /// The calendar says that the person may not write into it.
    CalendarForbidden,
    /// The calendar has failed for now.
    CalendarBroken,
    /// The profile is about somebody else than the ID token (OpenID Connect Core §5.3.2).
    OtherSubject,
}
