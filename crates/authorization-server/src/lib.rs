//! Who may get a token.
