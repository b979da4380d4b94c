//! The words of the report, in English and Korean.

/// The language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Korean.
    Korean,
}

/// Declares the words as a struct, so that no language can lack one.
macro_rules! table {
    ($($key:ident: $en:literal, $ko:literal;)+) => {
        /// Every text of the report.
        #[derive(Debug)]
        pub(super) struct Words { pub(super) lang: &'static str, $(pub(super) $key: &'static str,)+ }

        const EN: Words = Words { lang: "en", $($key: $en,)+ };
        const KO: Words = Words { lang: "ko", $($key: $ko,)+ };
    };
}

table! {
    title: "Security report", "보안 보고서";
    generated: "Made", "작성";
    whole: "The audit log is whole", "감사 로그가 온전합니다";
    broken: "The audit log is not whole", "감사 로그가 온전하지 않습니다";
    unknown: "The audit log was not verified", "감사 로그를 검증하지 않았습니다";
    verified_events: "events verified, the last one is", "건의 이벤트를 검증했으며 마지막 이벤트는";
    overview: "At a glance", "한눈에 보기";
    calls: "Calls", "호출";
    failed: "failed", "실패";
    people: "People", "사용자";
    clients: "Clients", "클라이언트";
    tools: "Tools", "도구";
    denials: "Denials", "거부";
    pii_values: "Personal data", "개인정보";
    values_of: "values, about people:", "건, 정보주체 수:";
    sign_ins: "Sign-ins", "로그인";
    alerts: "Alerts", "경보";
    events: "Events", "이벤트";
    over_time: "Calls over time", "시간별 호출";
    succeeded: "succeeded", "성공";
    denied: "denied", "거부";
    pii_by_type: "Personal data by type and action", "유형과 조치별 개인정보";
    why_denied: "Why something was denied", "거부 사유";
    no_pii: "No personal data were found.", "발견된 개인정보가 없습니다.";
    no_denials: "Nothing was denied.", "거부된 것이 없습니다.";
    no_alerts: "No rule has spoken.", "발생한 경보가 없습니다.";
    no_calls: "No tool was called.", "호출된 도구가 없습니다.";
    by_name: "Name", "이름";
    median: "median", "중앙값";
    p95: "95 %", "95 %";
    time: "Time", "시각";
    rule: "Rule", "규칙";
    severity: "Severity", "심각도";
    caller: "Caller", "호출자";
    amount: "Count", "횟수";
    limit: "limit", "기준";
    evidence: "Events", "근거 이벤트";
    incidents: "What may have to be notified", "통지 및 신고 검토 대상";
    incidents_intro: "Personal Information Protection Act, article 34: whoever learns of a leak tells the people within 72 hours, and the authority where many people or unique identifiers are concerned. The log knows what follows; whether it was a leak, people decide.",
        "개인정보 보호법 제34조: 유출을 알게 된 때부터 72시간 이내에 정보주체에게 통지해야 하며, 다수의 정보주체나 고유식별정보가 관련된 경우 보호위원회에 신고해야 합니다. 아래는 로그로 알 수 있는 사실이며, 유출 여부는 사람이 판단합니다.";
    no_incidents: "No alert is about a possible leak.", "유출이 의심되는 경보가 없습니다.";
    deadline: "72-hour deadline", "72시간 기한";
    aware: "Known since", "인지 시각";
    to_callers: "To callers", "호출자에게";
    to_tools: "To tools", "도구에게";
    about_people: "People whom data are about", "정보주체";
    subjects: "People affected", "영향받은 정보주체";
    items: "Items in clear", "평문으로 나간 항목";
    items_hidden: "Items that were hidden", "가려져 나간 항목";
    nothing: "none", "없음";
    authority: "Report to the authority", "보호위원회 신고";
    needed: "needed", "필요";
    not_needed: "not needed, as far as the log knows", "로그상 불필요";
    first_event: "first event", "첫 이벤트";
    last_event: "last event", "마지막 이벤트";
    alert: "alert", "경보";
    pseudonyms: "People stand here as keyed pseudonyms: the same person always has the same one, and nobody can read a name from it.",
        "사용자는 키 기반 가명으로 표시됩니다. 같은 사람은 항상 같은 가명을 가지며, 가명으로 이름을 알 수 없습니다.";
    allowed: "allowed", "허용";
    denied_action: "denied", "거부됨";
    masked: "masked", "마스킹";
    encrypted: "encrypted", "암호화";
    tokenized: "tokenized", "토큰화";
    restored: "restored", "복원";
    rejected: "rejected", "반려";
    changed: "changed", "변경";
    critical: "critical", "심각";
    high: "high", "높음";
    medium: "medium", "보통";
    low: "low", "낮음";
}

impl Language {
    /// The language that is written so in an option: `en` or `ko`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "en" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::English => &EN,
            Self::Korean => &KO,
        }
    }
}

impl Words {
    /// A severity in words.
    pub(super) fn severity<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "critical" => self.critical,
            "high" => self.high,
            "medium" => self.medium,
            "low" => self.low,
            other => other,
        }
    }

    /// What was done with personal data, in a word.
    pub(super) fn action<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "allowed" => self.allowed,
            "denied" => self.denied_action,
            "masked" => self.masked,
            "encrypted" => self.encrypted,
            "tokenized" => self.tokenized,
            "restored" => self.restored,
            "rejected" => self.rejected,
            "changed" => self.changed,
            other => other,
        }
    }

    /// What a rule means, in a sentence.
    pub(super) fn rule<'a>(&self, word: &'a str) -> &'a str {
        use crate::rule::Rule;
        let Some(rule) = Rule::parse(word) else {
            return word;
        };
        if self.lang == "en" {
            return rule.sentence();
        }
        match rule {
            Rule::MassRead => "한 호출자에게 다량의 개인정보가 전달됨",
            Rule::ManySubjects => "한 호출자가 많은 정보주체의 정보를 조회함",
            Rule::Enumeration => "연속된 식별자로 도구를 차례로 호출함",
            Rule::GuessedSignIn => "여러 번 실패한 뒤 로그인에 성공함",
            Rule::TokenReplay => "하나의 권한 부여가 여러 곳에서 동시에 사용됨",
            Rule::RefreshReused => "이미 교체된 리프레시 토큰이 다시 사용됨",
            Rule::CodeReplayed => "인가 코드가 다시 사용됨",
            Rule::ScopeEscalation => "허용되지 않은 작업을 반복해서 시도함",
            Rule::Rephrasing => "개인정보로 거부된 호출을 바꿔 가며 다시 시도함",
            Rule::SecretInResult => "도구의 결과에 비밀 값이 포함됨",
            Rule::ToolChanged => "도구의 설명이 이전과 달라짐",
            Rule::LogIntegrity => "감사 로그가 정상이 아님",
        }
    }
}
