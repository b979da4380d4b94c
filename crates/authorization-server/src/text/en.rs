//! What the pages say in English.

use super::{Explanation, Explanations, Text};

const START_AGAIN: &str = "Go back to the application and start again from there.";

pub(super) const TEXT: Text = Text {
    house: "Sumun",
    sign_in_title: "Sign in",
    consent_title: "Allow access?",
    client: "Application",
    client_published_at: "Published at",
    client_name_is_a_claim: "The application chose this name itself. Nobody has verified it.",
    resource: "Wants to use",
    redirect_host: "Your answer goes to",
    redirect_loopback: "This is an application on your own computer. Continue only if you have \
        just started it yourself.",
    redirect_installed: "This is an application installed on your device. Continue only if you \
        have just started it yourself.",
    logout_title: "Sign out?",
    logout_hint: "You sign out of this site in this browser. Applications keep the access that you \
        have given them. To stay signed in, cancel or close this page.",
    logout_back_to: "Then you go on to",
    logout: "Sign out",
    logout_done: "You are signed out",
    logout_done_hint: "Nobody is signed in to this site in this browser.",
    logout_go_on: "Go on to the application",
    device_title: "Sign in on a device",
    device_code: "Code that your device shows",
    device_code_hint: "Eight letters. Capitals and the dash do not matter.",
    device_code_question: "Does your device show this code?",
    device_code_matches: "Yes, my device shows it",
    device_other_code: "It shows another code",
    unknown_code: "No device shows this code now. Compare it with your device, or let the device \
        show a new one.",
    device_shows: "Your answer goes to the device that shows",
    device_warning: "Continue only if you have this device at hand and have just started to sign \
        in on it yourself. If somebody sent you this code, they would get in as you.",
    scopes: "What it may do",
    scopes_hint: "Untick what you do not want to allow.",
    scopes_none: "It asks for nothing beyond your sign-in.",
    scopes_offline: "It may go on while you are away, until you take the access back on your account \
        page.",
    scope_fixed: "Always part of signing in",
    scope_unavailable: "Not available to this account",
    scope_openid: "Recognize you by an identifier of your account",
    scope_profile: "See your name and your username",
    scope_email: "See your e-mail address",
    account: "Your account",
    username: "Username",
    password: "Password",
    signed_in_as: "Signed in as",
    other_account: "Use another account",
    sign_in: "Sign in",
    continue_with: |name| format!("Continue with {name}"),
    or: "or",
    providers: "Other ways to sign in",
    providers_hint: "You sign in there, and by that allow what is ticked above.",
    sign_in_and_allow: "Sign in and allow",
    carry_on: "Continue",
    allow: "Allow",
    deny: "Deny",
    cancel: "Cancel",
    wrong_password: "The username or the password is not right.",
    too_many_attempts: "There were too many attempts. Wait ten minutes, then try again.",
    signed_out: "Your sign-in has ended. Please sign in again.",
    account_changed: "Another account has signed in in this browser meanwhile. Check the account \
        below, then decide again.",
    sign_in_again: "The application asks you to sign in again.",
    nothing_permitted: "This account may do nothing of what the application asks for. Another \
        account may.",
    provider_unavailable: "That way to sign in does not answer at the moment. Try again in a minute, \
        or sign in another way.",
    asked_each_time: "You are asked each time, because another program on your device could pretend \
        to be this application.",
    error_reason: "Reason",
    error_request: "Request",
    explanations: Explanations {
        request_expired: Explanation {
            what: "This sign-in has expired",
            why: "A sign-in stays open for a few minutes, and this one is over or was never begun \
                here.",
            what_to_do: START_AGAIN,
        },
        request_finished: Explanation {
            what: "This sign-in is done",
            why: "The answer has already gone to the application. You can close this page.",
            what_to_do: "To sign in once more, start again from the application.",
        },
        device_allowed: Explanation {
            what: "You can go back to your device",
            why: "Your answer is on its way. The device fetches it within a few seconds.",
            what_to_do: "You can close this page.",
        },
        device_denied: Explanation {
            what: "The device has no access",
            why: "Access was denied, or it has ended since. The device is told so when it asks.",
            what_to_do: "You can close this page. To sign in after all, start again on the device.",
        },
        sign_in_waiting: Explanation {
            what: "Signing you in…",
            why: "This page goes on by itself in a moment.",
            what_to_do: "If it does not, reload it.",
        },
        way_back_unknown: Explanation {
            what: "This sign-in has expired",
            why: "It took longer than a few minutes, or was never begun here. Nobody has been signed \
                in.",
            what_to_do: START_AGAIN,
        },
        other_provider: Explanation {
            what: "This answer belongs to another sign-in",
            why: "It came from another place than the one that you were sent to. For your safety, it \
                has not been used.",
            what_to_do: START_AGAIN,
        },
        provider_denied: Explanation {
            what: "You were not signed in",
            why: "You did not agree there, so nothing has changed here.",
            what_to_do: START_AGAIN,
        },
        provider_unavailable: Explanation {
            what: "That way to sign in does not answer",
            why: "The place where you have your account cannot be reached at the moment. Nothing has \
                changed here.",
            what_to_do: "Try again in a few minutes.",
        },
        provider_refused: Explanation {
            what: "The sign-in did not succeed",
            why: "The answer of the place where you have your account could not be used. Nothing has \
                changed here.",
            what_to_do: "Try again. If it happens again, give the operator the request number below.",
        },
        identity_unknown: Explanation {
            what: "This account is not known here",
            why: "You have signed in there, but nobody here has this account.",
            what_to_do: "Start again from the application with another account, or ask the operator \
                to let you in.",
        },
        identity_taken: Explanation {
            what: "This account belongs to somebody else here",
            why: "It already signs in another person here, so it has not been connected to you.",
            what_to_do: "If that is you, too, sign in with it and disconnect it there first.",
        },
        identity_already_connected: Explanation {
            what: "You are connected with another account",
            why: "Only one account of each kind can be connected, and one is.",
            what_to_do: "Disconnect that one first, then connect this one.",
        },
        last_way_in: Explanation {
            what: "This is your only way to sign in",
            why: "Without it you could never sign in here again, so it stays connected.",
            what_to_do: "Connect another account first, or ask the operator for a password.",
        },
        signed_out: Explanation {
            what: "You are not signed in any more",
            why: "Your sign-in has ended, or somebody else has signed in in this browser. Nothing \
                has changed here.",
            what_to_do: "Sign in again, then repeat what you did.",
        },
        invitation_unknown: Explanation {
            what: "This link does not lead anywhere any more",
            why: "Links to connect an account are good for a few minutes.",
            what_to_do: "Go back to your application and try again: it will get a new link.",
        },
        invitation_of_somebody_else: Explanation {
            what: "This link is for somebody else",
            why: "It was made for the person who uses the application, and you are signed in as \
                somebody else. Your accounts have not been touched.",
            what_to_do: "If somebody sent you this link, close the page. If it is yours, sign out on \
                your account page, open it again, and sign in as in the application.",
        },
        account_connected: Explanation {
            what: "Your account is connected",
            why: "The application can go on now.",
            what_to_do: "Close this page and go back to your application. If it is waiting, try \
                again there.",
        },
        other_browser: Explanation {
            what: "This sign-in was begun in another browser",
            why: "For your safety, it can be finished only in the browser in which it was begun.",
            what_to_do: "Start again from the application. If this is the same browser, let this \
                site keep cookies.",
        },
        unknown_client: Explanation {
            what: "This application is not known here",
            why: "It did not register here, or its registration has ended. Nothing has been sent \
                to it.",
            what_to_do: "Remove the connection in the application and add it again.",
        },
        redirect_uri: Explanation {
            what: "The answer would go to a wrong address",
            why: "The application named an address that is not one of its own. Nothing has been \
                sent there.",
            what_to_do: "If you trust the application, tell its developer. If you do not know \
                where this came from, close this page.",
        },
        client_unreadable: Explanation {
            what: "This application cannot be identified",
            why: "The description that it publishes about itself could not be read, or breaks a \
                rule. Nothing has been sent to it.",
            what_to_do: "Try again in a minute. If it happens again, tell the developer of the \
                application.",
        },
        invalid_request: Explanation {
            what: "The application sent a faulty request",
            why: "Something in the address that opened this page is missing or malformed.",
            what_to_do: START_AGAIN,
        },
        foreign_origin: Explanation {
            what: "This form was sent from another site",
            why: "For your safety, only the pages of this site may send it.",
            what_to_do: START_AGAIN,
        },
        too_many_requests: Explanation {
            what: "There were too many attempts",
            why: "To protect accounts, only a number of attempts is answered at a time.",
            what_to_do: "Wait ten minutes, then start again from the application.",
        },
        server_error: Explanation {
            what: "Something went wrong here",
            why: "The fault is on our side, and it has been recorded.",
            what_to_do: "Start again from the application. If it happens again, give the operator \
                the request number below.",
        },
    },
    own: super::account::ENGLISH,
};
