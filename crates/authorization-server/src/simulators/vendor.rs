//! The vendors that are known, and what each of them is like.

use axum::Router;
use oauth::jws::Algorithm;

use super::desk::Connection;
use super::{Simulator, entra, github, google, kakao, line, logto, naver};

/// Whom a simulator plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "these are the names of the vendors, which say all there is"
)]
pub enum Vendor {
    Naver,
    /// Naver by its older endpoints, without OpenID Connect and PKCE.
    NaverClassic,
    Kakao,
    Line,
    Google,
    GitHub,
    Entra,
    Logto,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Naver,
        Self::NaverClassic,
        Self::Kakao,
        Self::Line,
        Self::Google,
        Self::GitHub,
        Self::Entra,
        Self::Logto,
    ];

    /// The name, which is also that of the preset.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naver => "naver",
            Self::NaverClassic => "naver-classic",
            Self::Kakao => "kakao",
            Self::Line => "line",
            Self::Google => "google",
            Self::GitHub => "github",
            Self::Entra => "entra",
            Self::Logto => "logto",
        }
    }

    /// The vendor of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.name() == name)
    }

    /// Who can sign in: first somebody who shares everything, then somebody without an e-mail address,
    /// then somebody whose address is not verified.
    pub fn people(self) -> &'static [Person; 3] {
        self.face().people
    }

    pub(super) fn face(self) -> &'static Face {
        match self {
            Self::Naver => &naver::FACE,
            Self::NaverClassic => &naver::CLASSIC,
            Self::Kakao => &kakao::FACE,
            Self::Line => &line::FACE,
            Self::Google => &google::FACE,
            Self::GitHub => &github::FACE,
            Self::Entra => &entra::FACE,
            Self::Logto => &logto::FACE,
        }
    }
}

/// Somebody with an account at a vendor.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    /// What is chosen on the page.
    pub key: &'static str,
    /// How the vendor calls the person to our app.
    pub subject: &'static str,
    /// What others call the person.
    pub name: &'static str,
    /// The address that the person shares with our app.
    pub email: Option<&'static str>,
    /// Whether the vendor has seen that it reaches the person.
    pub email_verified: bool,
}

impl Person {
    pub(super) const fn new(
        key: &'static str,
        subject: &'static str,
        name: &'static str,
        email: Option<&'static str>,
        email_verified: bool,
    ) -> Self {
        Self {
            key,
            subject,
            name,
            email,
            email_verified,
        }
    }
}

/// Where a simulator has its endpoints; `None` where the vendor has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "these are the names of RFC 8414 §2, and of the settings"
)]
pub struct Addresses {
    pub issuer: Option<String>,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: Option<String>,
    pub email_list_endpoint: Option<String>,
    pub jwks_uri: Option<String>,
    pub revocation_endpoint: Option<String>,
}

/// What one vendor is like.
pub(super) struct Face {
    pub(super) words: Words,
    pub(super) people: &'static [Person; 3],
    /// What signs ID tokens; `None` where there are none or the client's secret signs.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) routes: fn(&Simulator) -> Router<Simulator>,
    pub(super) addresses: fn(origin: &str) -> Addresses,
    /// The path of the issuer that is named in every answer (RFC 9207), where the vendor does that.
    pub(super) iss: Option<&'static str>,
    /// What comes back besides code and state.
    pub(super) accepted: fn(&Connection) -> Vec<(&'static str, String)>,
    /// What comes back when the person denies, besides the state.
    pub(super) denied: &'static [(&'static str, &'static str)],
}

/// The words of the vendor's page.
pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) vendor: &'static str,
    pub(super) colour: &'static str,
    pub(super) heading: &'static str,
    pub(super) asks: &'static str,
    pub(super) who: &'static str,
    pub(super) no_email: &'static str,
    pub(super) not_verified: &'static str,
    pub(super) allow: &'static str,
    pub(super) deny: &'static str,
    pub(super) connected: &'static str,
    pub(super) nobody: &'static str,
    pub(super) withdraw: &'static str,
    pub(super) events: &'static str,
    pub(super) problem: &'static str,
    pub(super) notice: &'static str,
}

pub(super) const KOREAN: Words = Words {
    language: "ko",
    vendor: "",
    colour: "",
    heading: "계정으로 로그인",
    asks: "아래 앱이 회원님의 정보를 요청합니다.",
    who: "어느 계정으로 계속할까요?",
    no_email: "이메일 제공 안 함",
    not_verified: "인증되지 않은 이메일",
    allow: "동의하고 계속하기",
    deny: "취소",
    connected: "이 앱과 연결된 계정",
    nobody: "연결된 계정이 없습니다.",
    withdraw: "연결 끊기",
    events: "캘린더 일정",
    problem: "요청을 처리할 수 없습니다",
    notice: "실제 서비스가 아닌 시험용 시뮬레이터입니다. 이 컴퓨터 밖으로 나가는 정보는 없습니다.",
};

pub(super) const JAPANESE: Words = Words {
    language: "ja",
    vendor: "",
    colour: "",
    heading: "アカウントでログイン",
    asks: "次のアプリがあなたの情報を求めています。",
    who: "どのアカウントで続けますか？",
    no_email: "メールアドレスを共有しない",
    not_verified: "未確認のメールアドレス",
    allow: "許可する",
    deny: "キャンセル",
    connected: "連動中のアカウント",
    nobody: "連動中のアカウントはありません。",
    withdraw: "連動を解除",
    events: "カレンダーの予定",
    problem: "リクエストを処理できません",
    notice: "実際のサービスではなく、試験用のシミュレーターです。情報がこのコンピューターの外に出ることはありません。",
};

pub(super) const ENGLISH: Words = Words {
    language: "en",
    vendor: "",
    colour: "",
    heading: "Choose an account",
    asks: "This app wants to know who you are:",
    who: "Continue as",
    no_email: "shares no e-mail address",
    not_verified: "address not verified",
    allow: "Continue",
    deny: "Cancel",
    connected: "Accounts that this app may see",
    nobody: "There are none.",
    withdraw: "Withdraw",
    events: "Events in calendars",
    problem: "This request cannot be served",
    notice: "A simulator for trying things out, not the real service. Nothing leaves this machine.",
};
