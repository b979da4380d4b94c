//! Korean names: a family name and a given name before `님`, `씨` or a title, or behind a label.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::kind::Kind;
use crate::recognizer::Hit;

/// Family names of one syllable, of two, and syllables of given names.
const FAMILY: &str = "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부가복태목형피두감음빈동온시라로";
const FAMILY_OF_TWO: [&str; 14] = [
    "남궁", "황보", "제갈", "사공", "선우", "서문", "독고", "동방", "어금", "망절", "강전", "장곡",
    "소봉", "무본",
];
const FIRST: &str = "가강건겸경계고광교규균근금기길나난남노누다단달대덕도동두라래려련례로루리린마만말명모무묘문미민바배백범별병보복봉비빛삼상새샛서석선설섬성세소솔송수숙순슬승시신아안애양여연열영예오옥온완요용우운웅원유윤율은을의이인일임자장재전점정제조종주준중지진찬창채천철초춘충치태택판평필하학한해향혁현형혜호홍화환회효후훈휘흥희힘라령";
const SECOND: &str = "가강갑건걸겸경곤관광교구국권규균근금기길나남녀년노늘니다단달담대덕도돈동두득라란람래랑량려련렬령례록론롬룡루룬률름리린림마만말매명모목무묵문미민배백범별병보복봉빈빛산삼상샘서석선설섭성세소솔송수숙순술슬승식신실심아안알애양언업여연열엽영예오옥온완용우욱운울웅원월유윤율으은음을의이익인일임자재전정제조종주준중지직진찬창채천철청초춘충치칠탁태택평표필하학한해행향헌혁현협형혜호홍화환회후훈훤휘흔흠희";
/// Given names of one syllable.
const SINGLE: &str = "준훈민진현영철찬솔별율빈건혁웅연윤은슬결산환호선석섭신옥욱운정종찬창천철택필혁협형희린혜숙란미경균근규권";
/// Given names that are words, beside those made of the syllables above.
const GIVEN: [&str; 26] = [
    "하늘", "보람", "아름", "슬기", "이슬", "가람", "다솜", "새롬", "초롱", "빛나", "으뜸", "힘찬",
    "우람", "단비", "은비", "솔비", "바다", "누리", "필립", "사랑", "믿음", "소망", "샛별", "아라",
    "한결", "요셉",
];

/// Words that are made like names, or nearly, and stand before `님`, `씨` or behind labels.
const NO_NAMES: &str = " 이용자 주문자 방문자 지원자 구성원 승무원 연구원 연예인 임대인 임차인 변호인 방송인 정치인 추천인 예금주 공무원 이사회 주소지 동의서 \
이용료 지원서 이메일 정보실 성명서 신부님 하나님 고양이 강아지 선생 선생님 교수 고객 고객님 회원 회원님 사장 부장 과장 차장 대리 사원 주임 대표 이사 \
전화 주소 정보 문의 이용 신청 지원 소개 안내 공지 인사 인원 주민 시민 국민 남성 여성 남편 신랑 도련 임금 조상 성함 성명 이름 이모 고모 장모 형수 \
주인 부인 노인 하인 선배 성우 배우 감독 심판 기사 기자 강사 박사 도사 의사 목사 장로 용왕 소장 원장 반장 방장 공주 왕자 선녀 소녀 동생 동료 이웃 \
우리 서방 기장 조교 가수 선수 조수 신부 수녀 마음 마음씨 고추 배추 오이 유채 목화 하객 원님 나라 현자 전하 동무 여사 형님 누님 임자 하느 유저 \
주지스 이장 통장 조장 지점장 지부장 전문의 전공의 주치의 현지인 장애인 유권자 이재민 조합원 지배인 유공자 지도자 지휘자 주최자 기획자 기술자 \
노동자 소유자 소비자 보호자 문화재 한국인 중국인 미국인 외국인 일반인 지인 장인 여인 시인 명인 성인 위원 의원 임원 전원 정원 문의자 고인 상인 \
유학생 지망생 전학생 연습생 고등학생 남학생 여학생 신입생 재학생 수강생 지휘관 조종사 기관사 전도사 안무가 선교사 조리사 조련사 소설가 음악가 \
이용객 방문객 여행객 선착순 예약자 신청자 신청인 수신인 구매자 여행자 정비사 미용사 간호사 약사 유치원 어린이 어르신 이용권 정기권 우대권 주차권 \
전문가 도우미 길동무 한가위 고향 안전 전체 전부 모두 기본 기타 미정 미상 비공개 정상 정지 성공 주문 전송 진행 한정 성별 지역 유형 제목 금액 \
기존 고유 공용 전용 한글 영문 국문 이하 이상 미만 지정 예정 선정 오전 오후 주간 월간 연간 전년 금년 신규 전자 우선 연락 서비스 경기도 강원도 \
서울시 전라도 경상도 제주도 충청도 서초구 강남구 강서구 강동구 성남시 고양시 수원시 인천시 정보원 운전자 운전 주거지 소재지 원산지 남한산 \
한라산 설악산 지리산 백두산 금강산 인왕산 도봉산 남대문 동대문 서대문 장영실상 유자차 인삼차 대추차 유기농 우유 두유 치즈 고구마 오미자 \
주방 서재 마루 거실 안방 전기 수도 온수 공기 소방 경찰 한의사 기획팀 인사팀 전산팀 홍보팀 고객명 사용자 이순 ";

/// The same words, to look up.
static KNOWN: LazyLock<HashSet<&str>> =
    LazyLock::new(|| NO_NAMES.split_ascii_whitespace().collect());

/// What may follow right behind `님`, and right behind `씨`.
const AFTER_NIM: &str = "이은의을과도만께에한으입아야인라가는를와로랑처보네일및조께";
const AFTER_SSI: &str = "가는를의와도만께에한랑로네입이인라예였처보네측댁";
/// What may follow right behind a name.
const PARTICLES: &str = "은는이가을를의와과도만께에한로으입랑님씨이";

/// Words that make a name of what stands before them.
pub(crate) const TITLES: [&str; 38] = [
    "님",
    "씨",
    "군",
    "양",
    "옹",
    "고객",
    "회원",
    "선생",
    "교수",
    "팀장",
    "과장",
    "부장",
    "차장",
    "대리",
    "사원",
    "주임",
    "대표",
    "이사",
    "사장",
    "실장",
    "본부장",
    "원장",
    "소장",
    "센터장",
    "간호사",
    "박사",
    "변호사",
    "기사",
    "매니저",
    "수석",
    "책임",
    "선임",
    "연구원",
    "학생",
    "환자",
    "어르신",
    "강사",
    "작가",
];

/// Labels and keys behind which a name stands.
pub(crate) const LABELS: [&str; 82] = [
    "이름",
    "성명",
    "성함",
    "예금주",
    "수취인",
    "수령인",
    "수령자",
    "받는분",
    "받는 분",
    "받는사람",
    "받는 사람",
    "보내는분",
    "보내는 분",
    "보내는사람",
    "보내는 사람",
    "신청인",
    "신청자",
    "담당자",
    "담당",
    "환자명",
    "환자",
    "고객명",
    "고객",
    "회원명",
    "회원",
    "대표자명",
    "대표자",
    "대표",
    "작성자",
    "학생명",
    "보호자",
    "주문자",
    "구매자",
    "승객",
    "승객명",
    "탑승자",
    "입금자명",
    "입금자",
    "입금주",
    "의뢰인",
    "계약자",
    "피보험자",
    "직원명",
    "사원명",
    "발신자",
    "수신자",
    "예약자",
    "참석자",
    "가입자",
    "소유자",
    "명의자",
    "명의",
    "본인",
    "피해자",
    "수신인",
    "발송인",
    "문의자",
    "제보자",
    "상담원",
    "상담사",
    "name",
    "holder",
    "customer",
    "owner",
    "recipient",
    "sender",
    "receiver",
    "manager",
    "patient",
    "author",
    "depositor",
    "representative",
    "employee",
    "fullname",
    "username",
    "payee",
    "beneficiary",
    "member",
    "contact",
    "student",
    "nm",
    "ceo",
];

/// Words that may stand right before a name, without a space.
const BEFORE: [&str; 14] = [
    "고객",
    "담당자",
    "회원",
    "대표",
    "수취인",
    "예금주",
    "환자",
    "신청인",
    "아버지",
    "어머니",
    "주문자",
    "수령인",
    "보호자",
    "우리",
];

/// Whether a word is made as a name is.
fn is_name(word: &[char]) -> bool {
    if !(2..=4).contains(&word.len()) {
        return false;
    }
    let text: String = word.iter().collect();
    let is_of_two = FAMILY_OF_TWO.iter().any(|family| text.starts_with(family));
    let is_made_so = is_of_two && word.len() > 2 && is_given(&word[2..])
        || word.len() <= 3 && FAMILY.contains(word[0]) && is_given(&word[1..]);
    is_made_so && !KNOWN.contains(text.as_str())
}

fn is_given(given: &[char]) -> bool {
    match given {
        [one] => SINGLE.contains(*one),
        [first, second] => {
            let text: String = given.iter().collect();
            if GIVEN.contains(&text.as_str()) {
                return true;
            }
            let is_old =
                *second == '자' && "영순미숙경정명춘옥말화금희복은애길연인선".contains(*first);
            let is_noun = *second == '자' && !is_old
                || matches!(
                    given,
                    ['무' | '사' | '구', '원'] | ['호' | '대' | '차' | '치', '인']
                )
                || matches!(*first, '의' | '치') && *second == '사';
            !is_noun && FIRST.contains(*first) && SECOND.contains(*second)
        }
        _ => false,
    }
}

fn is_hangul(found: char) -> bool {
    ('가'..='힣').contains(&found)
}

/// The name before the title that stands at `start..end`.
pub(crate) fn before_title(text: &str, start: usize, end: usize) -> Option<Hit> {
    let title = &text[start..end];
    let after = text[end..].chars().next();
    let is_free = after.is_none_or(|after| !is_hangul(after));
    let may_follow = is_free
        || after.is_some_and(|after| match title {
            "님" => AFTER_NIM.contains(after),
            "씨" => AFTER_SSI.contains(after),
            _ => after == '님' || PARTICLES.contains(after),
        });
    if !may_follow {
        return None;
    }
    let head = &text[..start];
    let head = head.strip_suffix(' ').unwrap_or(head);
    let mut word: Vec<char> = head
        .chars()
        .rev()
        .take(8)
        .take_while(|one| is_hangul(*one))
        .collect();
    if word.len() > 7 {
        return None;
    }
    word.reverse();
    let is_plain_title = title == "님" || title == "씨";
    // `한 명`, `두 군` and the like: other titles want a full name.
    let is_polite = is_plain_title || after == Some('님');
    let least = if is_polite { 2 } else { 3 };
    let is_good = |name: &[char]| name.len() >= least && is_name(name);
    let name = if is_good(&word) {
        &word[..]
    } else {
        let whole: String = word.iter().collect();
        let known = BEFORE.iter().find(|known| whole.starts_with(**known))?;
        let name = &word[known.chars().count()..];
        (name.len() >= 3 && is_good(name)).then_some(name)?
    };
    let bytes: usize = name.iter().map(|one| one.len_utf8()).sum();
    let score = if is_plain_title { 0.85 } else { 0.6 };
    Some(Hit::new(
        Kind::KrName,
        head.len() - bytes..head.len(),
        score,
    ))
}

/// The name behind the label that stands at `start..end`.
pub(crate) fn behind_label(text: &str, start: usize, end: usize) -> Option<Hit> {
    let label = &text[start..end];
    let bytes = text.as_bytes();
    if label.is_ascii() {
        let is_word = |byte: u8| byte.is_ascii_lowercase();
        let starts = start
            .checked_sub(1)
            .is_none_or(|at| !is_word(bytes[at]) || bytes[start].is_ascii_uppercase());
        if !starts {
            return None;
        }
    } else if text[..start].chars().next_back().is_some_and(is_hangul) {
        return None;
    }
    let mut at = end;
    // The rest of a key: `holder_name`, `nameKo`.
    while label.is_ascii()
        && at < end + 12
        && bytes
            .get(at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    {
        at += 1;
    }
    for extra in ["(한글)", "(국문)", "은 ", "는 ", "이 ", "가 ", "명"] {
        if text[at..].starts_with(extra) {
            at += extra.trim_end().len();
            break;
        }
    }
    let from = at;
    let mut is_given = false;
    while at < from + 8
        && let Some(byte) = bytes.get(at)
    {
        match byte {
            b' ' | b'\t' | b'(' | b'*' => {}
            b':' | b'=' | b'"' | b'\'' | b'>' | b'|' => is_given = true,
            b'\n' | b'\r' if is_given => {}
            _ => break,
        }
        at += 1;
    }
    if at == from || label.is_ascii() && !is_given {
        return None;
    }
    let rest = text.get(at..)?;
    let word: Vec<char> = rest
        .chars()
        .take(8)
        .take_while(|one| is_hangul(*one))
        .collect();
    let ends = |length: usize| match word.get(length) {
        None => true,
        Some(next) => {
            let tail: String = word[length..].iter().collect();
            length > 2
                && (PARTICLES.contains(*next) || TITLES.iter().any(|title| tail.starts_with(title)))
        }
    };
    let lengths: &[usize] = if is_given { &[4, 3, 2] } else { &[4, 3] };
    let length = lengths
        .iter()
        .copied()
        .find(|length| word.len() >= *length && ends(*length) && is_name(&word[..*length]))?;
    let bytes: usize = word[..length].iter().map(|one| one.len_utf8()).sum();
    let score = if is_given { 0.75 } else { 0.6 };
    Some(Hit::new(Kind::KrName, at..at + bytes, score))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let places = |words: &'static [&'static str]| {
            words.iter().flat_map(move |word| text.match_indices(word))
        };
        let titled = places(&TITLES).find_map(|(at, word)| before_title(text, at, at + word.len()));
        let found = titled.or_else(|| {
            places(&LABELS).find_map(|(at, word)| behind_label(text, at, at + word.len()))
        });
        assert_eq!(found.map(|hit| &text[hit.range]), expect, "{text}");
    }

    #[test]
    fn addressed_people_have_names() {
        check("아버지 황수빈 씨의 예전 번호", Some("황수빈"));
        check("담당자:독고현우 님", Some("독고현우"));
        check("허준님께", Some("허준"));
        check("김민수 고객님", Some("김민수"));
        check("이영희 팀장님께 전달", Some("이영희"));
    }

    #[test]
    fn labelled_people_have_names() {
        check(r#"{"holder":"황보채원"}"#, Some("황보채원"));
        check("예금주: 진경희", Some("진경희"));
        check("성명 김철수", Some("김철수"));
    }

    #[test]
    fn common_nouns_are_no_names() {
        for text in [
            "이모님!",
            "안내원님",
            "수강생님",
            "오늘 날씨 좋네요",
            "볍씨 파종",
            "고객님",
            "손님",
            "선생님",
            "주문자님",
            "오늘 씨앗",
            "하나님",
            "이용자님",
            "부모님",
            "사장님",
            "이름: 미정",
        ] {
            check(text, None);
        }
    }
}
