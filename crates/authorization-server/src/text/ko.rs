//! What the pages say in Korean.

use super::{Explanation, Explanations, Text};

const START_AGAIN: &str = "앱으로 돌아가서 처음부터 다시 시작해 주세요.";

pub(super) const TEXT: Text = Text {
    house: "수문",
    sign_in_title: "로그인",
    consent_title: "접근을 허용하시겠습니까?",
    client: "앱",
    client_published_at: "앱 정보 게시 주소",
    client_name_is_a_claim: "앱에서 직접 정한 이름이며, 확인된 이름이 아닙니다.",
    resource: "사용하려는 서비스",
    redirect_host: "응답을 받는 곳",
    redirect_loopback: "지금 쓰고 계신 컴퓨터에서 실행 중인 앱입니다. 방금 직접 시작한 앱일 때만 \
        계속하세요.",
    redirect_installed: "지금 쓰고 계신 기기에 설치된 앱입니다. 방금 직접 시작한 앱일 때만 \
        계속하세요.",
    logout_title: "로그아웃하시겠습니까?",
    logout_hint: "이 브라우저에서 이 사이트를 로그아웃합니다. 앱에 허용한 권한은 그대로 유지됩니다. \
        계속 로그인해 두려면 취소하거나 이 페이지를 닫으세요.",
    logout_back_to: "로그아웃 후 이동할 곳",
    logout: "로그아웃",
    logout_done: "로그아웃되었습니다",
    logout_done_hint: "이 브라우저에서 이 사이트에 로그인한 사용자가 없습니다.",
    logout_go_on: "앱으로 이동",
    device_title: "기기에서 로그인",
    device_code: "기기에 표시된 코드",
    device_code_hint: "영문 여덟 글자입니다. 대소문자와 줄표는 구분하지 않습니다.",
    device_code_question: "기기에 아래 코드가 표시되어 있나요?",
    device_code_matches: "네, 기기에 표시된 코드입니다",
    device_other_code: "다른 코드가 표시되어 있습니다",
    unknown_code: "지금 이 코드를 표시하는 기기가 없습니다. 기기의 코드와 비교해 보거나 기기에서 새 \
        코드를 받아 주세요.",
    device_shows: "응답을 받는 기기에 표시된 코드",
    device_warning: "이 기기를 직접 가지고 있고 방금 그 기기에서 로그인을 시작했을 때만 계속하세요. \
        다른 사람이 보낸 코드라면 그 사람이 내 계정으로 접속하게 됩니다.",
    scopes: "앱에 허용할 작업",
    scopes_hint: "허용하지 않을 항목은 선택을 해제하세요.",
    scopes_none: "로그인 확인 외에 요청하는 권한이 없습니다.",
    scopes_offline: "로그인하지 않은 동안에도 계속 사용할 수 있으며, 접근 권한은 계정 페이지에서 언제든지 \
        해지할 수 있습니다.",
    scope_fixed: "로그인에 항상 포함됩니다",
    scope_unavailable: "이 계정으로는 사용할 수 없습니다",
    scope_openid: "계정 식별자로 로그인한 사용자 확인",
    scope_profile: "이름과 아이디 보기",
    scope_email: "이메일 주소 보기",
    account: "내 계정",
    username: "아이디",
    password: "비밀번호",
    signed_in_as: "로그인한 계정",
    other_account: "다른 계정 사용",
    sign_in: "로그인",
    continue_with: |name| format!("{name}{} 계속하기", direction(name)),
    or: "또는",
    providers: "다른 로그인 방법",
    providers_hint: "해당 서비스에서 로그인하면 위에서 선택한 항목을 허용하게 됩니다.",
    sign_in_and_allow: "로그인하고 허용",
    carry_on: "계속",
    allow: "허용",
    deny: "거부",
    cancel: "취소",
    wrong_password: "아이디 또는 비밀번호가 올바르지 않습니다.",
    too_many_attempts: "로그인 시도가 너무 많았습니다. 10분 후에 다시 시도해 주세요.",
    signed_out: "로그인이 만료되었습니다. 다시 로그인해 주세요.",
    account_changed: "그사이 이 브라우저에서 다른 계정으로 로그인했습니다. 아래 계정을 확인하고 \
        다시 선택해 주세요.",
    sign_in_again: "앱에서 다시 로그인하도록 요청했습니다.",
    nothing_permitted: "이 계정에는 앱에서 요청한 권한이 없습니다. 다른 계정을 사용해 보세요.",
    provider_unavailable: "이 로그인 방법은 지금 응답하지 않습니다. 잠시 후 다시 시도하거나 다른 방법으로 \
        로그인해 주세요.",
    asked_each_time: "기기에 있는 다른 프로그램이 이 앱인 것처럼 요청할 수 있어 매번 확인합니다.",
    error_reason: "사유",
    error_request: "요청 번호",
    explanations: Explanations {
        request_expired: Explanation {
            what: "로그인 요청이 만료되었습니다",
            why: "로그인 요청은 몇 분 동안만 유효합니다. 시간이 지났거나 이곳에서 시작하지 않은 \
                요청입니다.",
            what_to_do: START_AGAIN,
        },
        request_finished: Explanation {
            what: "이미 완료된 로그인입니다",
            why: "앱에 응답을 전달했습니다. 이 페이지를 닫으셔도 됩니다.",
            what_to_do: "다시 로그인하려면 앱에서 새로 시작해 주세요.",
        },
        device_allowed: Explanation {
            what: "이제 기기로 돌아가세요",
            why: "응답을 전달하는 중입니다. 몇 초 안에 기기에서 확인합니다.",
            what_to_do: "이 페이지를 닫으셔도 됩니다.",
        },
        device_denied: Explanation {
            what: "기기에 접근 권한이 없습니다",
            why: "접근을 거부했거나 그 후에 접근 권한이 해제되었습니다. 기기에도 이 사실을 알립니다.",
            what_to_do: "이 페이지를 닫으셔도 됩니다. 다시 로그인하려면 기기에서 새로 시작해 주세요.",
        },
        sign_in_waiting: Explanation {
            what: "로그인하는 중입니다…",
            why: "잠시 후 자동으로 계속됩니다.",
            what_to_do: "계속되지 않으면 페이지를 새로 고쳐 주세요.",
        },
        way_back_unknown: Explanation {
            what: "로그인이 만료되었습니다",
            why: "로그인에 시간이 너무 오래 걸렸거나 이곳에서 시작하지 않은 로그인입니다. 로그인은 \
                처리되지 않았습니다.",
            what_to_do: START_AGAIN,
        },
        other_provider: Explanation {
            what: "다른 로그인에 대한 응답입니다",
            why: "로그인하러 이동한 곳이 아닌 다른 곳에서 온 응답입니다. 안전을 위해 사용하지 \
                않았습니다.",
            what_to_do: START_AGAIN,
        },
        provider_denied: Explanation {
            what: "로그인하지 않았습니다",
            why: "해당 서비스에서 동의하지 않아 이곳에서는 아무것도 바뀌지 않았습니다.",
            what_to_do: START_AGAIN,
        },
        provider_unavailable: Explanation {
            what: "로그인 서비스가 응답하지 않습니다",
            why: "계정이 있는 서비스에 지금 연결할 수 없습니다. 이곳에서는 아무것도 바뀌지 않았습니다.",
            what_to_do: "몇 분 후 다시 시도해 주세요.",
        },
        provider_refused: Explanation {
            what: "로그인하지 못했습니다",
            why: "계정이 있는 서비스의 응답을 사용할 수 없습니다. 이곳에서는 아무것도 바뀌지 \
                않았습니다.",
            what_to_do: "다시 시도해 주세요. 같은 문제가 반복되면 아래 요청 번호를 운영자에게 알려 \
                주세요.",
        },
        identity_unknown: Explanation {
            what: "이곳에 등록되지 않은 계정입니다",
            why: "해당 서비스에는 로그인했지만 이곳에는 이 계정을 쓰는 사용자가 없습니다.",
            what_to_do: "앱에서 다른 계정으로 다시 시작하거나 운영자에게 등록을 요청해 주세요.",
        },
        identity_taken: Explanation {
            what: "다른 사용자가 연결한 계정입니다",
            why: "이미 이곳의 다른 사용자가 로그인에 쓰는 계정이어서 연결하지 않았습니다.",
            what_to_do: "그 사용자도 본인이라면 그 계정으로 로그인해서 먼저 연결을 해제해 주세요.",
        },
        identity_already_connected: Explanation {
            what: "이미 다른 계정이 연결되어 있습니다",
            why: "서비스마다 계정을 하나만 연결할 수 있습니다.",
            what_to_do: "먼저 연결된 계정을 해제한 후 다시 연결해 주세요.",
        },
        last_way_in: Explanation {
            what: "하나뿐인 로그인 방법입니다",
            why: "연결을 해제하면 다시는 로그인할 수 없으므로 그대로 두었습니다.",
            what_to_do: "먼저 다른 계정을 연결하거나 운영자에게 비밀번호를 요청해 주세요.",
        },
        signed_out: Explanation {
            what: "로그인 상태가 아닙니다",
            why: "로그인이 만료되었거나 이 브라우저에서 다른 사용자가 로그인했습니다. 이곳에서는 \
                아무것도 바뀌지 않았습니다.",
            what_to_do: "다시 로그인한 후 같은 작업을 반복해 주세요.",
        },
        invitation_unknown: Explanation {
            what: "더 이상 사용할 수 없는 링크입니다",
            why: "계정 연결 링크는 몇 분 동안만 사용할 수 있습니다.",
            what_to_do: "앱으로 돌아가 다시 시도하면 새 링크를 받을 수 있습니다.",
        },
        invitation_of_somebody_else: Explanation {
            what: "다른 사람을 위한 링크입니다",
            why: "이 링크는 앱을 사용하는 사람을 위한 것인데, 지금은 다른 계정으로 로그인되어 \
                있습니다. 회원님의 계정은 아무것도 변경되지 않았습니다.",
            what_to_do: "다른 사람이 보낸 링크라면 이 페이지를 닫으세요. 본인의 링크라면 계정 \
                페이지에서 로그아웃한 뒤 링크를 다시 열고 앱과 같은 계정으로 로그인하세요.",
        },
        account_connected: Explanation {
            what: "계정을 연결했습니다",
            why: "이제 앱에서 계속할 수 있습니다.",
            what_to_do: "이 페이지를 닫고 앱으로 돌아가세요. 앱이 기다리고 있다면 다시 시도하세요.",
        },
        other_browser: Explanation {
            what: "다른 브라우저에서 시작한 로그인입니다",
            why: "안전을 위해 로그인을 시작한 브라우저에서만 마칠 수 있습니다.",
            what_to_do: "앱에서 처음부터 다시 시작해 주세요. 같은 브라우저라면 이 사이트의 쿠키를 \
                허용해 주세요.",
        },
        unknown_client: Explanation {
            what: "등록되지 않은 앱입니다",
            why: "등록한 적이 없거나 등록이 만료된 앱입니다. 앱에는 아무것도 전달하지 않았습니다.",
            what_to_do: "앱에서 연결을 삭제한 후 다시 추가해 주세요.",
        },
        redirect_uri: Explanation {
            what: "응답을 받을 주소가 올바르지 않습니다",
            why: "앱에서 보낸 주소는 그 앱에 등록된 주소가 아닙니다. 그 주소로는 아무것도 전달하지 \
                않았습니다.",
            what_to_do: "믿을 수 있는 앱이라면 개발자에게 알려 주세요. 어디에서 온 요청인지 \
                모르신다면 이 페이지를 닫아 주세요.",
        },
        client_unreadable: Explanation {
            what: "앱을 확인할 수 없습니다",
            why: "앱에서 공개한 정보를 읽을 수 없거나 그 내용이 규칙에 맞지 않습니다. 앱에는 \
                아무것도 전달하지 않았습니다.",
            what_to_do: "잠시 후 다시 시도해 주세요. 같은 문제가 반복되면 앱 개발자에게 알려 \
                주세요.",
        },
        invalid_request: Explanation {
            what: "앱에서 보낸 요청이 올바르지 않습니다",
            why: "이 페이지를 연 주소에 빠졌거나 잘못된 내용이 있습니다.",
            what_to_do: START_AGAIN,
        },
        foreign_origin: Explanation {
            what: "다른 사이트에서 보낸 양식입니다",
            why: "안전을 위해 이 사이트의 페이지에서 보낸 양식만 받습니다.",
            what_to_do: START_AGAIN,
        },
        too_many_requests: Explanation {
            what: "시도 횟수가 너무 많습니다",
            why: "계정을 보호하기 위해 일정 시간 동안의 시도 횟수를 제한합니다.",
            what_to_do: "10분 후 앱에서 다시 시작해 주세요.",
        },
        server_error: Explanation {
            what: "오류가 발생했습니다",
            why: "저희 쪽의 문제이며, 내용을 기록했습니다.",
            what_to_do: "앱에서 처음부터 다시 시작해 주세요. 같은 오류가 반복되면 아래 요청 번호를 \
                운영자에게 알려 주세요.",
        },
    },
    own: super::account::KOREAN,
};

/// The particle for "by way of" after `name`: it follows the last sound, which letters of other
/// scripts do not tell.
fn direction(name: &str) -> &'static str {
    const FIRST: u32 = '가' as u32;
    const LAST: u32 = '힣' as u32;
    /// Syllables that differ in their last consonant alone.
    const FINALS: u32 = 28;
    const RIEUL: u32 = 8;
    match name.chars().last().map(u32::from) {
        Some(last @ FIRST..=LAST) => match (last - FIRST) % FINALS {
            0 | RIEUL => "로",
            _ => "으로",
        },
        _ => "(으)로",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_particle_follows_the_last_sound() {
        for (name, expected) in [
            ("네이버", "네이버로 계속하기"),
            ("구글", "구글로 계속하기"),
            ("라인", "라인으로 계속하기"),
            ("Entra ID", "Entra ID(으)로 계속하기"),
        ] {
            assert_eq!((TEXT.continue_with)(name), expected);
        }
    }
}
