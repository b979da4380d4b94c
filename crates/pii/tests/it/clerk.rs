//! A fourth inventor of lines: somebody who keys in forms all day, and the programmer at the next desk. Labels stand
//! before other values than their own, headings above columns, secrets in arguments and attributes, and names within
//! marks, behind greetings, and beside accounts.

use pii::evaluation::Sample;

use crate::adversary::all;
use crate::generator::{ALNUM, Dice, sample};

fn keyed(slot: &str, dice: &mut Dice) -> (String, Option<&'static str>) {
    let secret = |value: String| (value, Some("SECRET"));
    match slot {
        // With signs that end a word elsewhere.
        "signs" => secret(format!(
            "{}&{}{}<{}#",
            dice.letters(ALNUM, 4),
            dice.letters(ALNUM, 3),
            dice.below(10),
            dice.letters(ALNUM, 3)
        )),
        "typed" => secret(format!("qlalf{}!", dice.digits(4))),
        "walk" => secret(format!("qwer{}", dice.letters("zxcvbn", 4))),
        "bot" => secret(format!(
            "MTE{}.{}.{}",
            dice.letters(ALNUM, 21),
            dice.letters(ALNUM, 6),
            dice.letters(ALNUM, 27)
        )),
        "plain10" => (
            format!("010{}", 20_000_000 + dice.below(79_999_999)),
            Some("PHONE"),
        ),
        "area10" => (
            format!("02{}", 20_000_000 + dice.below(79_999_999)),
            Some("PHONE"),
        ),
        "hana" => (
            format!("6{}-{}-{}", dice.digits(2), dice.digits(6), dice.digits(5)),
            Some("KR_BANK"),
        ),
        "version4" => (
            format!(
                "{}.{}.{}.1",
                1 + dice.below(8),
                dice.below(40),
                dice.below(10)
            ),
            None,
        ),
        "code" => (
            format!(
                "1{}-{}-{}-{}",
                2 + dice.below(5),
                dice.digits(2),
                dice.digits(6),
                dice.digits(2)
            ),
            None,
        ),
        other => all(other, dice),
    }
}

const LINES: &[&str] = &[
    // Labels that speak of something else.
    "진료 접수: {who} / {resident13} / 초진",
    "주문자 {who} {plain10}",
    "대리점 접수 {plain10} 통화 완료",
    "[예약완료] {who}님 4명 {plain10}",
    "{\"id\":\"{resident13}\",\"dept\":\"A\"}",
    "national id: {resident}",
    "consumer lag=0 member=worker-2-/{addr}",
    "{addr} 만 접속 허용",
    "수협 직원 {plain10} 에게 확인",
    "회비는 하나 {hana} 로",
    "대표번호 {area10}",
    "문의: {area10} (평일)",
    "{\"pspt_no\":\"{pass}\"}",
    "travel document {pass}",
    // Columns.
    "카드번호,금액\n{payment},12000\n{payment},9900",
    "계좌번호\t금액\n{account}\t100",
    "ip,count\n{addr},3\n{addr},4",
    "| 사업자번호 | 상호 |\n|---|---|\n| {biz} | 가온 |\n| {biz} | 누리 |",
    // Secrets in their places.
    "define('DB_PASSWORD', '{pw}');",
    "os.environ[\"API_KEY\"] = \"{hex32}\"",
    "app.set(\"secret\", \"{hex32}\")",
    "<add key=\"ApiKey\" value=\"{hex32}\" />",
    "{\"key\":\"password\",\"value\":\"{pw}\"}",
    "- name: DB_PASSWORD\n  value: {pw}",
    "password: \"{signs}\"",
    "{\"db\":{\"user\":\"app\",\"password\":\"{signs}\"}}",
    "새 비밀번호(임시): {typed}",
    "login: {mail}, password: {walk}",
    "id/pw: root / {typed}",
    "mariadb -u root -p{pw} shop",
    "password for the staging box: {pw}",
    "discord 토큰 {bot}",
    "relay_admin_key: {hex32}",
    "signing key {b64}",
    // Names.
    "안녕하세요{who}님, 반갑습니다",
    "“{who}” 님 당첨",
    "<b>{who}</b>님",
    "서울시 중구 1가 2, 303호 {who} 귀하",
    "등록자명 {who}",
    "ORGANIZER;CN={who}:mailto:{mail}",
    "{\"text\":\"{\\\"name\\\":\\\"{who}\\\"}\"}",
    "안녕하세요, 지난주 상담받은 {who}입니다",
    "환불 농협 {hana} {who}으로",
];

const HARMLESS: &[&str] = &[
    "릴리스 {version4} 변경점",
    "zlib {version4} 로 올림",
    "App {version4} (Android)",
    "위치코드 {code}",
    "제조번호 {code}",
    "{\"name\":\"유자청\",\"price\":9000,\"qty\":2}",
    "대표자: 공란",
    "수령인: 경비실",
    "제품명: 고구마",
    "token = secrets.token_urlsafe(32)",
    "카드번호 0000-0000-0000-0000",
    "{\"id\":{ms}}",
    "cache_key: {hexed}",
    "public_key={hexed}",
    "주문번호,상태\n{n16},배송\n{n16},취소",
    "password: required",
    "{\"name\":\"token\",\"value\":\"string\"}",
    "주무관님 안녕하세요",
    "전화라 못 들었어요",
];

fn harmless(slot: &str, dice: &mut Dice) -> (String, Option<&'static str>) {
    match slot {
        "hexed" => (keyed("hex32", dice).0, None),
        other => keyed(other, dice),
    }
}

/// `rounds` lines of each kind.
pub(crate) fn keyed_samples(seed: u64, rounds: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let lines = (0..rounds).flat_map(|_| LINES.iter().chain(HARMLESS));
    lines
        .map(|line| sample(line, &mut dice, harmless))
        .collect()
}
