//! On a device without a browser.

use oauth::grant_type;

use super::{Place, Step, encoded, into_variable};

pub(super) fn device_code(place: &Place<'_>) -> Vec<Step> {
    let endpoint = place.further("device_authorization_endpoint");
    let endpoint = endpoint.unwrap_or("the device_authorization_endpoint");
    let begin = format!(
        "BEGUN=$(curl -s {endpoint} \\\n  -d \"client_id=$CLIENT_ID\" -d scope={} -d resource={})\n\
         echo \"$BEGUN\"\n\
         DEVICE_CODE=$(printf %s \"$BEGUN\" | sed -E 's/.*\"device_code\":\"([^\"]+)\".*/\\1/')",
        encoded(super::super::READ),
        encoded(place.resource),
    );
    let poll = format!(
        "curl -s {} \\\n  -d grant_type={} \\\n  -d \"client_id=$CLIENT_ID\" \
         -d \"device_code=$DEVICE_CODE\"",
        place.token_endpoint(),
        encoded(grant_type::DEVICE_CODE),
    );
    vec![
        place.register(&[grant_type::DEVICE_CODE, "refresh_token"], None),
        Step::new(
            "Begin",
            "The answer has a code for the person (`user_code`), the address where they type it \
             (`verification_uri`), and how many seconds to wait between questions (`interval`).",
            begin,
        ),
        Step::note(
            "Let the person sign in elsewhere",
            "Show them `verification_uri` and `user_code`, or `verification_uri_complete` as a QR code.",
        ),
        Step::new(
            "Ask until they have decided",
            "`authorization_pending` means: not yet. `slow_down` means: ask less often. Repeat this with \
             `interval` seconds in between.",
            into_variable(&poll),
        ),
        place.call(),
    ]
}
