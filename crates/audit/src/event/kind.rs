//! The words of an event: what happened, what was done about it, and how it ended.

/// Declares an enum whose variants have a stable word each, both ways.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word by which it is written.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one that is written `word`.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What happened: `event_type`.
    EventType {
        /// Somebody signed in, or tried to.
        SignIn = "sign_in",
        /// Somebody signed out, or a session was ended.
        SignOut = "sign_out",
        /// A client proved who it is, or failed to.
        ClientAuthentication = "client_authentication",
        /// A token came with a request, and was accepted or not.
        TokenVerification = "token_verification",
        /// A person agreed or refused to let a client act for them.
        Consent = "consent",
        /// A grant came into being.
        GrantApproved = "grant_approved",
        /// A grant was ended.
        GrantEnded = "grant_ended",
        /// An authorization code came a second time (RFC 6749 §4.1.2).
        CodeReplayed = "code_replayed",
        /// A refresh token came again after its successor was used (RFC 9700 §4.14.2).
        RefreshReused = "refresh_reused",
        /// A token was issued.
        TokenIssued = "token_issued",
        /// A token was asked for and refused.
        TokenRefused = "token_refused",
        /// A client was registered.
        ClientRegistered = "client_registered",
        /// It was decided whether a caller may do what they asked for.
        PolicyDecision = "policy_decision",
        /// A tool is about to be called.
        CallIntent = "call_intent",
        /// A call has ended.
        CallOutcome = "call_outcome",
        /// Something was done to personal data outside of a call's outcome.
        PiiAction = "pii_action",
        /// The description of a tool is new, or other than it was.
        ToolChanged = "tool_changed",
        /// Somebody changed what this house knows or does.
        Administration = "administration",
        /// The house began to serve.
        Started = "started",
        /// The house stopped.
        Stopped = "stopped",
        /// A rule found what should be looked at.
        Alert = "alert",
        /// Old segments were removed.
        Retention = "retention",
        /// The log was found incomplete and was mended.
        Recovery = "recovery",
        /// A new segment of the log begins.
        SegmentOpened = "segment_opened",
    }
}

words! {
    /// What was done about it: `action_taken`.
    Action {
        /// It was let through.
        Allowed = "allowed",
        /// It was not let through.
        Denied = "denied",
        /// Personal data were hidden.
        Masked = "masked",
        /// Personal data were encrypted.
        Encrypted = "encrypted",
        /// Personal data were exchanged for stand-ins.
        Tokenized = "tokenized",
        /// Stand-ins were exchanged for what they stand for.
        Restored = "restored",
        /// It was refused because of the personal data in it.
        Rejected = "rejected",
        /// Something was handed out.
        Issued = "issued",
        /// Something was not handed out.
        Refused = "refused",
        /// Something was agreed to.
        Approved = "approved",
        /// Something was ended.
        Ended = "ended",
        /// Something was made.
        Created = "created",
        /// Something was changed.
        Changed = "changed",
        /// Something was taken away.
        Removed = "removed",
        /// Something was told to people.
        Raised = "raised",
        /// Something was put right.
        Recovered = "recovered",
    }
}

impl Action {
    /// Whether nobody could read what this was done with.
    pub(crate) fn hides(self) -> bool {
        matches!(self, Self::Masked | Self::Encrypted | Self::Tokenized) || self.stops()
    }

    /// Whether what this was done with went nowhere.
    pub(crate) fn stops(self) -> bool {
        matches!(self, Self::Rejected | Self::Denied | Self::Refused)
    }
}

words! {
    /// How it ended: `outcome`.
    Outcome {
        /// As it was meant to.
        Success = "success",
        /// It went wrong.
        Failure = "failure",
        /// It was not allowed.
        Denied = "denied",
        /// The answer has begun, and was passed on as it came: how it went on, nobody looked.
        Streamed = "streamed",
    }
}

words! {
    /// Which way personal data were going.
    Direction {
        /// From the caller to the tool.
        Arguments = "arguments",
        /// From the tool to the caller.
        Result = "result",
    }
}

words! {
    /// How much an alert matters.
    Severity {
        /// To be looked at one day.
        Low = "low",
        /// To be looked at today.
        Medium = "medium",
        /// To be looked at now.
        High = "high",
        /// To be looked at now, by everybody.
        Critical = "critical",
    }
}
