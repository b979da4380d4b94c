//! Invents labelled lines: people, numbers and secrets in forms, talk, JSON and logs, and what only
//! looks like them.

use pii::evaluation::{Entity, Sample};

/// A small generator of numbers (xorshift), so that each run sees the same lines.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let at = self.below(choices.len() as u64);
        choices[usize::try_from(at).unwrap()]
    }

    /// `count` digits.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    pub(crate) fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..count)
            .map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize]))
            .collect()
    }
}

pub(crate) const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const HEX: &str = "0123456789abcdef";

pub(crate) fn luhn(mut digits: String) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            if at % 2 == 0 {
                if digit > 4 { digit * 2 - 9 } else { digit * 2 }
            } else {
                digit
            }
        })
        .sum();
    digits.push_str(&((10 - sum % 10) % 10).to_string());
    digits
}

pub(crate) fn grouped(digits: &str, lens: &[usize], separator: &str) -> String {
    let mut rest = digits;
    let mut parts = Vec::new();
    for len in lens {
        let (part, tail) = rest.split_at(*len);
        parts.push(part);
        rest = tail;
    }
    parts.join(separator)
}

pub(crate) fn registration(dice: &mut Dice, is_foreign: bool, is_valid: bool) -> String {
    let is_new = dice.below(4) == 0;
    let year = if is_new {
        dice.below(20)
    } else {
        40 + dice.below(60)
    };
    let first = format!(
        "{year:02}{:02}{:02}",
        1 + dice.below(12),
        1 + dice.below(28)
    );
    let sign = 1 + dice.below(2) + if is_new { 2 } else { 0 } + if is_foreign { 4 } else { 0 };
    let mut all = format!("{first}{sign}{}", dice.digits(5));
    let sum: u32 = all
        .bytes()
        .zip([2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    let check = ((if is_foreign { 13 } else { 11 }) - sum % 11) % 10;
    let check = if is_valid { check } else { (check + 3) % 10 };
    all.push_str(&check.to_string());
    all
}

pub(crate) fn business(dice: &mut Dice) -> String {
    let mut all = format!("{}{}", 1 + dice.below(8), dice.digits(8));
    let digits: Vec<u32> = all.bytes().map(|byte| u32::from(byte - b'0')).collect();
    let sum: u32 = digits
        .iter()
        .zip([1, 3, 7, 1, 3, 7, 1, 3, 5])
        .map(|(digit, weight)| digit * weight)
        .sum();
    let sum = sum + digits[8] * 5 / 10;
    all.push_str(&((10 - sum % 10) % 10).to_string());
    all
}

pub(crate) fn iban(dice: &mut Dice) -> String {
    let (country, length) =
        [("DE", 18), ("GB", 18), ("ES", 20), ("NL", 14), ("FR", 23)][dice.below(5) as usize];
    let body = if country == "GB" || country == "NL" {
        format!(
            "{}{}",
            dice.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4),
            dice.digits(length - 4)
        )
    } else {
        dice.digits(length)
    };
    let rest = format!("{body}{country}00")
        .bytes()
        .fold(0_u32, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        });
    format!("{country}{:02}{body}", 98 - rest)
}

pub(crate) fn spaced(text: &str) -> String {
    let parts: Vec<&str> = text
        .as_bytes()
        .chunks(4)
        .map(|part| str::from_utf8(part).unwrap())
        .collect();
    parts.join(" ")
}

const FAMILIES: [&str; 40] = [
    "김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황",
    "안", "송", "전", "홍", "유", "고", "문", "양", "손", "배", "백", "허", "남", "심", "노", "하",
    "곽", "성", "차", "주", "우", "구", "남궁", "선우",
];
const GIVEN: [&str; 80] = [
    "민준", "서연", "도윤", "지우", "시우", "하은", "주원", "서윤", "예준", "지민", "건우", "수아",
    "현우", "지유", "준서", "채원", "우진", "다은", "지훈", "은서", "영수", "영희", "철수", "순자",
    "미경", "경숙", "정호", "상철", "명희", "병철", "광수", "옥순", "말숙", "동현", "성민", "유진",
    "소영", "혜진", "은정", "현정", "태현", "승민", "재원", "규리", "나연", "다현", "하늘", "보람",
    "슬기", "아름", "가온", "라희", "로운", "이안", "서아", "이서", "아린", "유나", "시은", "예은",
    "태양", "한별", "새롬", "은별", "솔", "준", "훈", "현", "민", "진", "찬", "혁", "빈", "율",
    "봉수", "길동", "춘식", "덕수", "만수", "점순",
];

fn name(dice: &mut Dice) -> String {
    format!("{}{}", dice.pick(&FAMILIES), dice.pick(&GIVEN))
}

fn mobile(dice: &mut Dice) -> String {
    let rest = format!("{}{}", 2 + dice.below(8), dice.digits(7));
    let (middle, last) = rest.split_at(4);
    match dice.below(8) {
        0 | 1 => format!("010-{middle}-{last}"),
        2 => format!("010{middle}{last}"),
        3 => format!("010 {middle} {last}"),
        4 => format!("010.{middle}.{last}"),
        5 => format!("+82-10-{middle}-{last}"),
        6 => format!("+82 10 {middle} {last}"),
        _ => format!("+8210{middle}{last}"),
    }
}

fn landline(dice: &mut Dice) -> String {
    let area = dice.pick(&["02", "031", "032", "051", "053", "062", "064", "070"]);
    let count = 2 + usize::from(dice.below(2) == 0);
    let middle = format!("{}{}", 2 + dice.below(8), dice.digits(count));
    let last = dice.digits(4);
    match dice.below(4) {
        0 => format!("({area}) {middle}-{last}"),
        1 => format!("{area}){middle}-{last}"),
        2 => format!("{area} {middle} {last}"),
        _ => format!("{area}-{middle}-{last}"),
    }
}

fn email(dice: &mut Dice) -> String {
    let local = dice.pick(&[
        "kim",
        "lee.jh",
        "park_sy",
        "choi-1",
        "hong+news",
        "j.w.jung",
        "dev2024",
        "x",
    ]);
    let host = dice.pick(&[
        "naver.com",
        "gmail.com",
        "hanmail.net",
        "corp.co.kr",
        "mail.univ.ac.kr",
        "a-b.io",
        "kakao.com",
    ]);
    format!("{local}{}@{host}", dice.below(100))
}

fn card(dice: &mut Dice) -> String {
    let start = dice.pick(&["4", "51", "55", "2221", "6011", "3528", "62", "9410"]);
    let count = 15 - start.len();
    let digits = luhn(format!("{start}{}", dice.digits(count)));
    match dice.below(3) {
        0 if start != "9410" => digits,
        1 => grouped(&digits, &[4, 4, 4, 4], " "),
        _ => grouped(&digits, &[4, 4, 4, 4], "-"),
    }
}

fn ip(dice: &mut Dice) -> String {
    if dice.below(4) == 0 {
        return format!("2001:db8:{}::{}", dice.letters(HEX, 3), 1 + dice.below(999));
    }
    format!(
        "{}.{}.{}.{}",
        11 + dice.below(200) % 116,
        dice.below(256),
        dice.below(256),
        1 + dice.below(254)
    )
}

fn secret(dice: &mut Dice) -> String {
    match dice.below(9) {
        0 => format!("ghp_{}", dice.letters(ALNUM, 36)),
        1 => {
            format!(
                "AKIA{}",
                dice.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 15)
            ) + "7"
        }
        2 => format!("sk-ant-api03-{}", dice.letters(ALNUM, 60)),
        3 => format!(
            "xoxb-{}-{}-{}",
            dice.digits(11),
            dice.digits(12),
            dice.letters(ALNUM, 24)
        ),
        4 => format!("AIza{}", dice.letters(ALNUM, 34)) + "1",
        5 => format!("glpat-{}", dice.letters(ALNUM, 19)) + "3",
        6 => format!(
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi{}.{}",
            dice.letters(ALNUM, 20),
            dice.letters(ALNUM, 43)
        ),
        7 => format!("hf_{}", dice.letters(ALNUM, 33)) + "0",
        _ => format!("sk_live_{}", dice.letters(ALNUM, 23)) + "9",
    }
}

/// A value for a slot of a template, and its type; harmless things have none.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
pub(crate) fn fill(slot: &str, dice: &mut Dice) -> (String, Option<&'static str>) {
    match slot {
        "name" => (name(dice), Some("KR_NAME")),
        "mobile" => (mobile(dice), Some("KR_MOBILE")),
        "landline" => (landline(dice), Some("KR_LANDLINE")),
        "us" => {
            let (area, middle) = (2 + dice.below(7), 2 + dice.below(8));
            let (area, middle, last) = (
                format!("{area}{}", dice.digits(2)),
                format!("{middle}{}", dice.digits(2)),
                dice.digits(4),
            );
            let text = match dice.below(4) {
                0 => format!("({area}) {middle}-{last}"),
                1 => format!("+1-{area}-{middle}-{last}"),
                2 => format!("+1 {area} {middle} {last}"),
                _ => format!("{area}-{middle}-{last}"),
            };
            (text, Some("PHONE_INTL"))
        }
        "abroad" => {
            let text = match dice.below(4) {
                0 => format!("+44 20 7{} {}", dice.digits(3), dice.digits(4)),
                1 => format!("+81-90-{}-{}", dice.digits(4), dice.digits(4)),
                2 => format!("+86 138 {} {}", dice.digits(4), dice.digits(4)),
                _ => format!("+49 30 {}", dice.digits(8)),
            };
            (text, Some("PHONE_INTL"))
        }
        "email" => (email(dice), Some("EMAIL")),
        "rrn" | "frn" => {
            let is_foreign = slot == "frn";
            let is_valid = dice.below(5) > 0;
            let all = registration(dice, is_foreign, is_valid);
            (
                grouped(&all, &[6, 7], "-"),
                Some(if is_foreign { "KR_FRN" } else { "KR_RRN" }),
            )
        }
        "rrn_plain" => {
            let all = registration(dice, false, true);
            (
                if dice.below(2) == 0 {
                    all
                } else {
                    grouped(&all, &[6, 7], " ")
                },
                Some("KR_RRN"),
            )
        }
        "passport" => {
            let first = dice.pick(&["M", "S", "R", "O", "D"]);
            let rest = if dice.below(2) == 0 {
                dice.digits(8)
            } else {
                format!(
                    "{}{}{}",
                    dice.digits(3),
                    dice.pick(&["A", "B", "K", "Z"]),
                    dice.digits(4)
                )
            };
            (format!("{first}{rest}"), Some("KR_PASSPORT"))
        }
        "driver" | "driver_plain" => {
            let all = format!("{}{}", 11 + dice.below(16), dice.digits(10));
            let is_plain = slot == "driver_plain";
            (
                if is_plain {
                    all
                } else {
                    grouped(&all, &[2, 2, 6, 2], "-")
                },
                Some("KR_DRIVER"),
            )
        }
        "brn" => (grouped(&business(dice), &[3, 2, 5], "-"), Some("KR_BRN")),
        "brn_plain" => (business(dice), Some("KR_BRN")),
        "bank" => {
            let lens: &[usize] = [
                &[6, 2, 6][..],
                &[3, 3, 6],
                &[4, 2, 7],
                &[3, 6, 2, 3],
                &[4, 4, 4],
                &[3, 4, 4, 2],
            ][dice.below(6) as usize];
            let digits = format!(
                "{}{}",
                1 + dice.below(9),
                dice.digits(lens.iter().sum::<usize>() - 1)
            );
            (
                if dice.below(3) == 0 {
                    digits
                } else {
                    grouped(&digits, lens, "-")
                },
                Some("KR_BANK"),
            )
        }
        "card" => (card(dice), Some("CREDIT_CARD")),
        "ip" => (ip(dice), Some("IP")),
        "iban" => {
            let all = iban(dice);
            (
                if dice.below(2) == 0 {
                    all
                } else {
                    spaced(&all)
                },
                Some("IBAN"),
            )
        }
        "ssn" => (
            format!(
                "{}-{:02}-{:04}",
                100 + dice.below(500),
                1 + dice.below(99),
                1 + dice.below(9999)
            ),
            Some("US_SSN"),
        ),
        "secret" => (secret(dice), Some("SECRET")),
        "hexkey" => (format!("a1{}", dice.letters(HEX, 30)), Some("SECRET")),
        "password" => (
            format!(
                "{}{}!{}",
                dice.letters(ALNUM, 5),
                dice.digits(2),
                dice.letters(ALNUM, 4)
            ) + "x",
            Some("SECRET"),
        ),
        // From here on: harmless.
        "order" => (
            format!(
                "2{}{:02}{:02}-{}",
                dice.below(7),
                1 + dice.below(12),
                1 + dice.below(28),
                dice.digits(7)
            ),
            None,
        ),
        "long_order" => (
            format!(
                "202{}{:02}{:02}-{}",
                dice.below(7),
                1 + dice.below(12),
                1 + dice.below(28),
                dice.digits(7)
            ),
            None,
        ),
        "epoch" => (format!("17{}", dice.digits(8)), None),
        "epoch_ms" => (format!("17{}", dice.digits(11)), None),
        "ean" => (format!("880{}", dice.digits(10)), None),
        "imei" => (luhn(format!("35{}", dice.digits(12))), None),
        "version" => (
            format!(
                "{}.{}.{}.{}",
                dice.below(20),
                dice.below(99),
                dice.below(200),
                dice.below(250)
            ),
            None,
        ),
        "semver" => (
            format!("{}.{}.{}", dice.below(20), dice.below(99), dice.below(2000)),
            None,
        ),
        "date" => (
            format!(
                "202{}-{:02}-{:02}",
                dice.below(7),
                1 + dice.below(12),
                1 + dice.below(28)
            ),
            None,
        ),
        "clock" => (
            format!(
                "{:02}:{:02}:{:02}",
                dice.below(24),
                dice.below(60),
                dice.below(60)
            ),
            None,
        ),
        "sha" => (dice.letters(HEX, 40), None),
        "uuid" => (
            format!(
                "{}-{}-4{}-a{}-{}",
                dice.letters(HEX, 8),
                dice.letters(HEX, 4),
                dice.letters(HEX, 3),
                dice.letters(HEX, 3),
                dice.letters(HEX, 12)
            ),
            None,
        ),
        "mac" => (
            grouped(&dice.letters(HEX, 12), &[2, 2, 2, 2, 2, 2], ":"),
            None,
        ),
        "price" => (
            format!(
                "{},{},{}",
                1 + dice.below(999),
                dice.digits(3),
                dice.digits(3)
            ),
            None,
        ),
        "amount" => (format!("{}{}", 1 + dice.below(9), dice.digits(8)), None),
        "hotline" => (
            format!(
                "{}-{}",
                dice.pick(&["1588", "1577", "1644", "1800"]),
                dice.digits(4)
            ),
            None,
        ),
        "parcel" => (format!("{}{}", 4 + dice.below(5), dice.digits(11)), None),
        "sku" => (
            format!(
                "{}-{}-{}",
                dice.pick(&["SKU", "AB", "PN", "MX"]),
                dice.digits(6),
                dice.digits(3)
            ),
            None,
        ),
        "model" => (
            format!("{}{}", dice.pick(&["M", "S", "D", "R"]), dice.digits(8)),
            None,
        ),
        "noun" => (
            dice.pick(&[
                "고객",
                "회원",
                "이모",
                "선생",
                "사장",
                "손",
                "형",
                "누",
                "스",
                "부모",
                "하나",
                "이용자",
                "주문자",
                "구매자",
                "안내원",
                "수강생",
                "조합원",
                "기사",
                "강사",
                "이사",
                "원장",
                "목사",
                "변호사",
                "보호자",
                "임차인",
                "연구원",
                "승무원",
                "배우",
                "감독",
                "조교",
                "어르신",
                "신부",
                "장모",
                "방문자",
                "지원자",
            ])
            .to_owned(),
            None,
        ),
        "seed" => (
            dice.pick(&[
                "날", "글", "솜", "말", "마음", "불", "볍", "고추", "수박", "배추", "유채", "목화",
                "아저", "아가", "홀",
            ])
            .to_owned()
                + "씨",
            None,
        ),
        "place" => (
            dice.pick(&["서울시", "강남구", "제주도", "한라산", "경기도", "남대문"])
                .to_owned(),
            None,
        ),
        other => panic!("no slot is called {other}"),
    }
}

/// Makes the value for a slot, and says its type.
pub(crate) type Fill = fn(&str, &mut Dice) -> (String, Option<&'static str>);

/// What people and programs write. Slots that hold something carry their type.
const TEMPLATES: [&str; 92] = [
    "{name}님 안녕하세요, 연락처는 {mobile} 맞으시죠?",
    "어제 {name} 씨를 만났는데 번호가 {mobile}로 바뀌었대요.",
    "담당자 {name}님 ({email}) 앞으로 보내 주세요",
    "성명: {name} / 주민등록번호: {rrn} / 연락처: {mobile}",
    "이름 {name}, 생년월일 {date}, 전화 {landline}",
    "예금주: {name}  국민은행 {bank}",
    "신한은행 {bank} ({name}님) 으로 입금했습니다.",
    "계좌번호 {bank} 예금주 {name} 확인 부탁드려요",
    "카카오뱅크 {bank}로 보내주세요",
    "{name} 고객님, 카드 {card} 승인되었습니다.",
    "카드번호 {card} 유효기간 12/28",
    "결제 카드: {card}, 금액 {price}원",
    "여권번호 {passport} 만료일 {date}",
    "제 여권은 {passport}입니다.",
    "운전면허번호: {driver}",
    "면허번호 {driver_plain} 확인",
    "면허증 {driver} 갱신하러 왔습니다 {name} 씨랑",
    "사업자등록번호 {brn} 대표 {name}",
    "세금계산서 {brn} 앞으로 발행, 메일 {email}",
    "사업자번호: {brn_plain}",
    "외국인등록번호 {frn}",
    "주민번호가 {rrn}이에요",
    "{rrn} 이 번호로 조회해 주세요",
    "주민번호 {rrn_plain} 입력",
    "접속 IP {ip} 에서 {email} 계정으로 로그인",
    "대표번호는 {hotline}이고 제 직통은 {landline}입니다",
    "팩스 {landline}, 휴대폰 {mobile}",
    "보호자 {name} ({mobile}), 환자 {name}",
    "받는 분: {name} / 연락처 {mobile} / 주소 서울시 강남구 테헤란로 123",
    "{name} 팀장님께 {email} 로 전달드렸습니다",
    "문의: {email}, {landline}",
    "{\"name\":\"{name}\",\"phone\":\"{mobile}\",\"email\":\"{email}\"}",
    "{\"customer\":{\"name\":\"{name}\",\"rrn\":\"{rrn}\"},\"order_id\":\"{order}\"}",
    "{\"bank\":\"우리은행\",\"account\":\"{bank}\",\"holder\":\"{name}\"}",
    "{\"card\":\"{card}\",\"ts\":{epoch_ms}}",
    "{\"ip\":\"{ip}\",\"version\":\"{version}\",\"trace\":\"{uuid}\"}",
    "{\"passportNo\":\"{passport}\",\"createdAt\":{epoch_ms}}",
    "{\"bizNo\":\"{brn_plain}\",\"tel\":\"{landline}\"}",
    "{\"accountNumber\":\"{bank}\",\"amount\":{amount}}",
    "{\"user\":{\"ssn\":\"{ssn}\",\"id\":{epoch}}}",
    "Please call me at {us} or write to {email}.",
    "My SSN is {ssn}, DOB {date}.",
    "Reach our Tokyo office at {abroad}",
    "Wire to IBAN {iban} today",
    "beneficiary {iban}, ref {long_order}",
    "Card ending soon: {card} exp 11/29",
    "{date} {clock} INFO login from {ip} user={email}",
    "{ip} - - [{date}] \"GET /index.html\" 200 {amount}",
    "Passport {passport} was scanned at the desk",
    "resident registration number {rrn}",
    "driver's license {driver}",
    "Authorization: Bearer {secret}",
    "export API_TOKEN={secret}",
    "api_key: {hexkey}",
    "\"client_secret\": \"{hexkey}\"",
    "password={password}",
    "DB_PASSWORD=\"{password}\"",
    "curl -H 'X-Api-Key: {secret}' https://api.example.com",
    "토큰 {secret} 이 로그에 남았어요",
    "비밀번호는 {password} 입니다",
    "고객 {name}님의 예약번호 {parcel}, 연락처 {mobile}",
    "해외 번호 {abroad} 로 문자 주세요",
    // Nothing here.
    "주문번호 {order} 배송 시작",
    "접수번호: {order} 처리 완료",
    "송장번호 {parcel} 조회",
    "운송장 {parcel} 도착 예정 {date}",
    "바코드 {ean} 재고 12개",
    "IMEI {imei} 등록",
    "버전 {version} 배포 완료",
    "firmware {version} installed at {clock}",
    "commit {sha} by bot",
    "trace id {uuid} span {sha}",
    "mac {mac} joined at {clock}",
    "가격은 {price}원이고 할인가는 {amount}원입니다",
    "고객센터 {hotline}",
    "{noun}님, 안녕하세요!",
    "{noun}님께서 {date}에 방문하셨습니다.",
    "오늘 {seed} 이야기 좀 하자",
    "{\"id\":{epoch_ms},\"sku\":\"{sku}\",\"qty\":3}",
    "{\"ts\":{epoch},\"offset\":{epoch_ms},\"rev\":\"3-{sha}\"}",
    "order {order} shipped, tracking {parcel}",
    "offset {epoch_ms} lag {amount}",
    "모델명 {model} 단종",
    "part {sku} rev {semver}",
    "{place} 날씨는 맑음, 기온 12.5도",
    "use serde::de::Deserialize; // v{semver}",
    "img src=icon@2x.png size={amount}",
    "npm install left-pad@{semver}",
    "git clone git@github.com:org/repo.git",
    "다음 회의는 {date} {clock}입니다",
    "총 {amount}건 중 {epoch}건 처리",
    "invoice {long_order} total ${price}",
];

pub(crate) fn sample(template: &str, dice: &mut Dice, fill: Fill) -> Sample {
    let mut text = String::new();
    let mut entities = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let slot = inner.find('}').map(|close| &inner[..close]);
        let slot = slot.filter(|slot| {
            slot.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                && slot.starts_with(|one: char| one.is_ascii_lowercase())
        });
        let Some(slot) = slot else {
            text.push('{');
            rest = inner;
            continue;
        };
        let (value, kind) = fill(slot, dice);
        let start = text.chars().count();
        text.push_str(&value);
        if let Some(kind) = kind {
            entities.push(Entity {
                kind: kind.to_owned(),
                start,
                end: text.chars().count(),
            });
        }
        rest = &inner[slot.len() + 1..];
    }
    text.push_str(rest);
    Sample {
        text,
        entities,
        ignore: Vec::new(),
    }
}

/// `rounds` lines of each template.
pub(crate) fn samples(seed: u64, rounds: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let all = (0..rounds).flat_map(|_| TEMPLATES);
    all.map(|template| sample(template, &mut dice, fill))
        .collect()
}
