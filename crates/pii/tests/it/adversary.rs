//! Invents other lines than the generator: by somebody who knows how detectors fail. Values stand in
//! chats, tickets, tables, markup, statements and logs, glued to particles and signs; harmless lines
//! are full of what looks like them.

use pii::evaluation::Sample;

use crate::generator::{
    ALNUM, Dice, HEX, business, fill, grouped, iban, luhn, registration, sample, spaced,
};

const UPPER: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";

/// Full names of people as they are, common and rare.
const PEOPLE: &str = "김가을 이솔이 박새봄 최온유 정이든 강로이 조은별 윤슬아 장그래 임시완 한가인 오드리 서태지 신해철 권보아 황정음 \
안재현 송지효 전미도 홍석천 유재석 고아성 문채원 양세종 손예진 배수지 백종원 허성태 남주혁 심은경 노윤서 하정우 곽동연 성유리 차은우 \
주지훈 우도환 구교환 민효린 류준열 나문희 진선규 지창욱 엄태구 채수빈 원빈나 천우희 방민아 공효진 현우석 함은정 변요한 염혜란 여진구 \
추자현 도경수 소지섭 석진욱 선우은숙 설경구 마동석 길은혜 연상호 위하준 표예진 명세빈 기태영 반효정 왕지혜 금새록 옥자연 육성재 인교진 \
맹수진 제갈민 모수진 탁재훈 국지용 어윤겸 은지원 편성준 용수빈 예지원 봉준호 사미자 남궁민수 황보라희 선우재덕 독고영재 제갈성렬 사공진 \
서문탁 동방우 김민 이훈 박현 최진 정찬 강산 조인 윤석 장혁 임호 한빛 허준 김수미 이순재 박말자 최춘자 정옥분 강분이 조막례 김복동 이두석 \
박달재 문덕수 하춘화 김끝순 이만기 박칠성 최배달 정팔도 강호동 조세호 이지혜 김서현 박준형 최유나 정하윤 강도현 조민재 윤아영 장서우 \
임하준 한지안 오시온 서로운 신다온 권이현 황유찬 안서진 송하람 전태오 홍나은 유리나 고은찬 문가영 양하율 손이안 배지율 백도하 허다인";

/// Words before 님 and 씨, and behind labels, that are nobody's name.
const NOBODY: &str = "고객 회원 손 사장 부장 선생 교수 기사 이모 고모 삼촌 어머 아버 할머 형 누 오라버 동생 장모 시어머 부처 예수 하느 하나 \
공주 왕자 임금 나라 대통령 시장 구청장 의원 판사 검사 변호사 의사 간호사 약사 수의사 원장 소장 관장 국장 실장 팀장 과장 대리 주임 사원 인턴 \
조교 강사 코치 감독 선수 가수 배우 작가 기자 피디 신부 수녀 목사 스 보살 도사 집사 권사 장로 주인 세입자 임대인 임차인 매도인 매수인 구매자 \
판매자 이용자 사용자 관리자 담당자 신청자 지원자 수강생 학부모 보호자 환자 방문자 탑승자 운전자 예약자 당첨자 수신자 발신자 작성자 제보자 \
진행자 연출자 지도교수 동료 친구 이웃 주민 어르신 조상 여러분 자제 사모 도련 서방 장인 매니저 사서 경비 셰프 바리스타 디자이너 개발자 기획자";

fn word<'w>(dice: &mut Dice, words: &'w str) -> &'w str {
    let words: Vec<&str> = words.split_ascii_whitespace().collect();
    dice.pick(&words)
}

fn number(dice: &mut Dice, from: u64, to: u64) -> u64 {
    from + dice.below(to - from)
}

fn phone(dice: &mut Dice) -> String {
    let (middle, last) = (dice.digits(4), dice.digits(4));
    let old = dice.pick(&["011", "016", "017", "018", "019"]);
    let three = format!("{}{}", number(dice, 2, 10), dice.digits(2));
    match dice.below(12) {
        0..=2 => format!("010-{middle}-{last}"),
        3 => format!("010{middle}{last}"),
        4 => format!("010 {middle} {last}"),
        5 => format!("010.{middle}.{last}"),
        6 => format!("{old}-{three}-{last}"),
        7 => format!("+82-10-{middle}-{last}"),
        8 => format!("+8210{middle}{last}"),
        9 => format!("+82 (0)10-{middle}-{last}"),
        10 => format!("010)-{middle}-{last}").replace(")-", "-"),
        _ => format!("82-10-{middle}-{last}"),
    }
}

fn line(dice: &mut Dice) -> String {
    let area = dice.pick(&[
        "02", "031", "033", "041", "042", "044", "052", "055", "061", "063", "070",
    ]);
    let count = if area == "070" {
        4
    } else {
        3 + usize::from(dice.below(2) == 0)
    };
    let middle = dice.digits(count);
    let last = dice.digits(4);
    match dice.below(6) {
        0 | 1 => format!("{area}-{middle}-{last}"),
        2 => format!("{area}){middle}-{last}"),
        3 => format!("({area}) {middle}-{last}"),
        4 => format!("{area}.{middle}.{last}"),
        _ => format!("+82-{}-{middle}-{last}", &area[1..]),
    }
}

fn mail(dice: &mut Dice) -> String {
    let local = dice.pick(&[
        "sujin",
        "jh.park",
        "minsu_kim",
        "no-reply",
        "billing",
        "k",
        "alice.o'neil",
        "j.doe+tag",
        "help-desk",
        "2024hong",
        "kim%dev",
        "__init",
        "a.b.c.d",
        "Gildong.Hong",
    ]);
    let host = dice.pick(&[
        "gmail.com",
        "naver.com",
        "hanmail.net",
        "corp.example.co.kr",
        "x.io",
        "sub.dept.univ.ac.kr",
        "nate.com",
        "company.kr",
        "mail.go.kr",
        "startup.ai",
        "bücher.example",
        "outlook.com",
        "proton.me",
        "EXAMPLE.COM",
    ]);
    format!("{local}@{}", host.replace('ü', "ue"))
}

fn account(dice: &mut Dice) -> String {
    let lens: &[usize] = [
        &[6, 2, 6][..],
        &[3, 3, 6],
        &[4, 3, 6],
        &[3, 4, 4, 2],
        &[4, 2, 7],
        &[3, 6, 2, 3],
        &[3, 2, 6, 1],
        &[4, 4, 4, 1],
        &[6, 2, 5],
    ][number(dice, 0, 9) as usize];
    let digits = dice.digits(lens.iter().sum());
    match dice.below(4) {
        0 => digits,
        1 => grouped(&digits, lens, " "),
        _ => grouped(&digits, lens, "-"),
    }
}

fn payment(dice: &mut Dice) -> String {
    let start = dice.pick(&[
        "4", "51", "53", "55", "2223", "2720", "6011", "65", "3530", "62", "34", "37", "36", "9409",
    ]);
    let length = match start {
        "34" | "37" => 15,
        "36" => 14,
        _ => 16,
    };
    let digits = luhn(format!("{start}{}", dice.digits(length - 1 - start.len())));
    let lens: &[usize] = match length {
        15 => &[4, 6, 5],
        14 => &[4, 6, 4],
        _ => &[4, 4, 4, 4],
    };
    match dice.below(3) {
        0 => digits,
        1 => grouped(&digits, lens, " "),
        _ => grouped(&digits, lens, "-"),
    }
}

fn key(dice: &mut Dice) -> String {
    match dice.below(13) {
        0 => format!("ghp_{}", dice.letters(ALNUM, 36)),
        1 => format!(
            "AKIA{}",
            dice.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
        ),
        2 => format!("sk-proj-{}", dice.letters(ALNUM, 48)),
        3 => format!(
            "sk-ant-api03-{}-{}AA",
            dice.letters(ALNUM, 40),
            dice.letters(ALNUM, 20)
        ),
        4 => format!(
            "xoxb-{}-{}-{}",
            dice.digits(12),
            dice.digits(13),
            dice.letters(ALNUM, 24)
        ),
        5 => format!("AIza{}", dice.letters(ALNUM, 35)),
        6 => format!("glpat-{}", dice.letters(ALNUM, 20)),
        7 => format!(
            "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{}.{}",
            dice.letters(ALNUM, 60),
            dice.letters(ALNUM, 86)
        ),
        8 => format!("hf_{}", dice.letters(ALNUM, 34)),
        9 => format!("rk_live_{}", dice.letters(ALNUM, 24)),
        10 => format!(
            "github_pat_{}_{}",
            dice.letters(ALNUM, 22),
            dice.letters(ALNUM, 59)
        ),
        11 => format!("npm_{}", dice.letters(ALNUM, 36)),
        _ => format!("SG.{}.{}", dice.letters(ALNUM, 22), dice.letters(ALNUM, 43)),
    }
}

/// Values that the generator does not make, or makes in another way.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn adverse(slot: &str, dice: &mut Dice) -> (String, Option<&'static str>) {
    let found = |value: String, kind: &'static str| (value, Some(kind));
    let harmless = |value: String| (value, None);
    match slot {
        "who" => found(word(dice, PEOPLE).to_owned(), "KR_NAME"),
        "nobody" => harmless(word(dice, NOBODY).to_owned()),
        "phone" => found(phone(dice), "PHONE"),
        "line" => found(line(dice), "PHONE"),
        "mail" => found(mail(dice), "EMAIL"),
        "account" => found(account(dice), "KR_BANK"),
        "payment" => found(payment(dice), "CREDIT_CARD"),
        "key" => found(key(dice), "SECRET"),
        "resident" => {
            let is_valid = dice.below(4) > 0;
            found(
                grouped(&registration(dice, false, is_valid), &[6, 7], "-"),
                "KR_RRN",
            )
        }
        "resident13" => found(registration(dice, false, true), "KR_RRN"),
        "alien" => {
            let all = registration(dice, true, true);
            let is_plain = dice.below(3) == 0;
            found(
                if is_plain {
                    all
                } else {
                    grouped(&all, &[6, 7], "-")
                },
                "KR_FRN",
            )
        }
        "licence" => {
            let all = format!("{}{}", number(dice, 11, 27), dice.digits(10));
            match dice.below(4) {
                0 => found(all, "KR_DRIVER"),
                1 => {
                    let place = dice.pick(&["서울", "경기", "부산", "대구"]);
                    found(
                        format!("{place} {}", grouped(&all[..10], &[2, 6, 2], "-")),
                        "KR_DRIVER",
                    )
                }
                _ => found(grouped(&all, &[2, 2, 6, 2], "-"), "KR_DRIVER"),
            }
        }
        "biz" => {
            let all = business(dice);
            let is_plain = dice.below(3) == 0;
            found(
                if is_plain {
                    all
                } else {
                    grouped(&all, &[3, 2, 5], "-")
                },
                "KR_BRN",
            )
        }
        "pass" => {
            let first = dice.pick(&["M", "S", "R", "O", "D"]);
            let (three, letter, four) = (
                dice.digits(3),
                dice.pick(&["A", "C", "F", "X"]),
                dice.digits(4),
            );
            found(
                if dice.below(2) == 0 {
                    format!("{first}{three}{letter}{four}")
                } else {
                    format!("{first}{three}1{four}")
                },
                "KR_PASSPORT",
            )
        }
        "ssn9" => found(
            format!(
                "{}-{:02}-{:04}",
                number(dice, 100, 660),
                number(dice, 1, 100),
                number(dice, 1, 10000)
            ),
            "US_SSN",
        ),
        "addr" => match dice.below(5) {
            0 => found(
                format!(
                    "2001:db8:{}:{}::{}",
                    dice.letters(HEX, 4),
                    dice.letters(HEX, 3),
                    dice.letters("123456789", 2)
                ),
                "IP",
            ),
            1 => found(
                format!(
                    "fe80::{}:{}",
                    dice.letters("123456789abc", 3),
                    dice.letters("123456789", 4)
                ),
                "IP",
            ),
            _ => found(
                format!(
                    "{}.{}.{}.{}",
                    number(dice, 1, 224),
                    dice.below(256),
                    dice.below(256),
                    number(dice, 1, 255)
                )
                .replace("127.", "128."),
                "IP",
            ),
        },
        "acct_int" => {
            let all = iban(dice);
            let is_plain = dice.below(2) == 0;
            found(if is_plain { all } else { spaced(&all) }, "IBAN")
        }
        "world" => {
            let value = match dice.below(8) {
                0 => format!(
                    "+1 ({}) {}-{}",
                    number(dice, 201, 990),
                    number(dice, 200, 999),
                    dice.digits(4)
                ),
                1 => format!(
                    "({}) {}-{}",
                    number(dice, 201, 990),
                    number(dice, 200, 999),
                    dice.digits(4)
                ),
                2 => format!("+44 7{} {}", dice.digits(3), dice.digits(6)),
                3 => format!("+81-3-{}-{}", dice.digits(4), dice.digits(4)),
                4 => format!("+86 139 {} {}", dice.digits(4), dice.digits(4)),
                5 => format!("+49 {} {}", number(dice, 30, 90), dice.digits(7)),
                6 => format!(
                    "+84 9{} {} {}",
                    dice.digits(1),
                    dice.digits(3),
                    dice.digits(4)
                ),
                _ => format!(
                    "1-{}-{}-{}",
                    number(dice, 201, 790),
                    number(dice, 200, 999),
                    dice.digits(4)
                ),
            };
            found(value, "PHONE")
        }
        "pw" => found(
            format!(
                "{}{}{}{}",
                dice.pick(&["Summer", "admin", "qwer", "P@ss", "hunter"]),
                dice.digits(3),
                dice.pick(&["!", "#", "@", "$"]),
                dice.letters(ALNUM, 3)
            ),
            "SECRET",
        ),
        "hex32" => found(format!("{}7f", dice.letters(HEX, 30)), "SECRET"),
        "b64" => found(
            format!("{}9+{}==", dice.letters(ALNUM, 20), dice.letters(ALNUM, 20)),
            "SECRET",
        ),
        // From here on: harmless.
        "ms" => harmless(format!("1{}{}", number(dice, 6, 8), dice.digits(11))),
        "s" => harmless(format!("1{}{}", number(dice, 6, 8), dice.digits(8))),
        "us16" => harmless(format!("1{}{}", number(dice, 6, 8), dice.digits(14))),
        "ymd" => harmless(format!(
            "20{}{:02}{:02}",
            number(dice, 18, 27),
            number(dice, 1, 13),
            number(dice, 1, 29)
        )),
        "iso" => harmless(format!(
            "20{}-{:02}-{:02}T{:02}:{:02}:{:02}.{}Z",
            number(dice, 18, 27),
            number(dice, 1, 13),
            number(dice, 1, 29),
            dice.below(24),
            dice.below(60),
            dice.below(60),
            dice.digits(3)
        )),
        "n2" => harmless(dice.digits(2)),
        "n3" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(2))),
        "n4" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(3))),
        "n6" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(5))),
        "n7" => harmless(dice.digits(7)),
        "n8" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(7))),
        "n10" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(9))),
        "n12" => harmless(format!("{}{}", number(dice, 3, 10), dice.digits(11))),
        "n13" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(12))),
        "n16" => harmless(format!("{}{}", number(dice, 1, 10), dice.digits(15))),
        "comma" => harmless(format!(
            "{},{},{}",
            number(dice, 1, 999),
            dice.digits(3),
            dice.digits(3)
        )),
        "upper" => harmless(dice.letters(UPPER, 10)),
        "hexes" => harmless(dice.letters(HEX, 40)),
        "hex8" => harmless(dice.letters(HEX, 8)),
        "v3" => harmless(format!(
            "{}.{}.{}",
            dice.below(20),
            dice.below(100),
            dice.below(100)
        )),
        "v4" => harmless(format!(
            "{}.{}.{}.{}",
            dice.below(20),
            dice.below(10),
            dice.below(9999),
            dice.below(999)
        )),
        "badip" => harmless(format!(
            "{}.{}.{}.{}",
            number(dice, 256, 999),
            dice.below(256),
            dice.below(256),
            dice.below(256)
        )),
        "isbn" => harmless(format!(
            "978-89-{}-{}-{}",
            dice.digits(4),
            dice.digits(3),
            dice.digits(1)
        )),
        "lat" => harmless(format!("{}.{}", number(dice, 33, 39), dice.digits(7))),
        "lng" => harmless(format!("12{}.{}", number(dice, 4, 9), dice.digits(7))),
        "nocard" => {
            let mut digits = luhn(format!("4{}", dice.digits(14)));
            let last = digits.pop().and_then(|one| one.to_digit(10)).unwrap_or(0);
            digits.push_str(&((last + 5) % 10).to_string());
            harmless(grouped(&digits, &[4, 4, 4, 4], "-"))
        }
        other => fill(other, dice),
    }
}

/// What is to be found.
const LINES: &[&str] = &[
    // Talk.
    "{who}님께서 {phone}으로 연락 달라고 하셨어요",
    "안녕하세요 {who} 고객님, 문의 주셔서 감사합니다.",
    "{who}씨 번호 {phone}임",
    "제 번호는 {phone}이고요, 메일은 {mail}이에요.",
    "혹시 {who}님 맞으세요? {phone}로 전화드렸는데 안 받으셔서요",
    "{phone}에서 {phone}로 번호 변경했습니다",
    "엄마 폰 {phone} 아빠 폰 {phone}",
    "{who}과장님 자리에 안 계셔서 {line}로 돌려드릴게요",
    "우리 팀 {who} 대리님이 {mail}로 보내신대요",
    "ㅇㅇ {account} 국민 ㅋㅋ 입금 ㄱㄱ",
    "국민은행 {account}",
    "토스뱅크 {account} 예금주 {who} 입니다",
    "농협 {account}으로 3만원만 보내줘",
    "환불은 신한 {account}(예금주: {who})로 부탁드립니다.",
    "급여계좌를 하나은행 {account}에서 우리은행 {account}로 변경 부탁드려요",
    "사장님 카드번호 {payment} 이거 맞죠?",
    "{payment} 유효기간 09/27 이 카드로 결제해주세요",
    "제 주민번호 {resident}인데 조회 좀 해주세요",
    "주민등록번호 뒷자리까지 {resident} 적어주세요",
    "민증번호 {resident}",
    "외국인등록증 번호는 {alien}입니다",
    "여권 {pass} 으로 예약했어요",
    "여권번호가 {pass}이고 면허는 {licence}예요",
    "운전면허증 번호: {licence}, 갱신일 {iso}",
    "렌터카 예약자 {who}님 면허번호 {licence}",
    "사업자 {biz} 로 세금계산서 끊어주세요",
    "저희 사업자번호는 {biz}이고 대표는 {who}입니다",
    "공인 IP {addr}에서만 접속 허용해주세요",
    "서버 주소는 {addr}이고 비번은 {pw} 입니다",
    "비밀번호 {pw}로 초기화했어요",
    "와이파이 비번: {pw}",
    "api key {key} 이거 노출됐어요 빨리 폐기",
    "깃헙 토큰 {key}를 커밋해버렸어요",
    "대표님({who}) 연락처 {phone}",
    "참석: {who}님, {who}님, {who}님",
    "{who} 선생님께 드릴 말씀이 있습니다",
    "어제 {who} 씨랑 {who} 씨 만났어",
    "신랑과 {who}님의 결혼식에 초대합니다",
    "故 {who}님의 명복을 빕니다",
    "{who} 환자님 {ymd} 예약 확인",
    "{phone}, {mail}",
    "팩스번호는 {line}입니다",
    "본사({line})로 문의 바랍니다.",
    "Tel. {line} / Fax. {line}",
    "T {line} M {phone} E {mail}",
    "HP: {phone}",
    "연락처)) {phone}",
    "☎{line}",
    "📞 {phone} 📧 {mail}",
    "문의 : {mail} , {phone}",
    "<{mail}>",
    "[{who}님] {phone}",
    "{phone}(본인) {phone}(배우자)",
    "미국 사무소 {world}, 한국 {line}",
    "해외에서는 {world}번으로 전화주세요",
    "SSN은 {ssn9} 입니다",
    "IBAN {acct_int} 로 송금해주세요",
    // Forms.
    "이름: {who} 전화: {phone} 주소: 서울특별시 마포구 월드컵북로 {n3} {n2}층",
    "성 명 : {who}\n주민등록번호 : {resident}\n연 락 처 : {phone}",
    "1. 신청인: {who}  2. 생년월일: {ymd}  3. 휴대전화: {phone}",
    "고객명 {who} | 휴대폰 {phone} | 이메일 {mail}",
    "예금주명: {who}, 은행: 기업은행, 계좌번호: {account}",
    "입금자명 {who} / 입금계좌 {account}",
    "송금인 {who} → 수취인 {who}",
    "보내는 사람: {who} ({phone})\n받는 사람: {who} ({phone})",
    "수령인 {who}  연락처 {phone}  송장 {n12}",
    "법정대리인 성명 {who} 관계 부",
    "담당 의사: {who}",
    "작성자: {who} <{mail}>",
    "대표이사 {who}",
    "[배송지] {who}님 / {phone} / 부산시 해운대구 우동 {n4}",
    "가입자명: {who} 가입일: {iso}",
    "환자명: {who}, 등록번호 {n8}, 보호자 연락처 {phone}",
    "결제카드: {payment} 할부 3개월 승인번호 {n8}",
    "카드 번호 {payment} CVC {n3}",
    "사업자등록번호: {biz}  상호: (주)한빛상사  대표자: {who}",
    "공급자 {biz} / 공급받는자 {biz}",
    "외국인등록번호 {alien} 국적 베트남",
    "여권번호(Passport No.) {pass}",
    "면허번호 {licence} 1종보통",
    "급여이체: 신한은행 {account}",
    "휴대폰번호\t{phone}\n집전화\t{line}",
    "| {phone} | {mail} |",
    "주민번호,{resident13}",
    "전화번호,이메일\n{phone},{mail}",
    "id,phone\n{n4},{phone}",
    // Programs.
    "{\"id\":{n8},\"name\":\"{who}\",\"mobile\":\"{phone}\",\"createdAt\":\"{iso}\"}",
    "{\"user\":{\"userName\":\"{who}\",\"emailAddress\":\"{mail}\",\"ip_address\":\"{addr}\"}}",
    "{\"ordererName\":\"{who}\",\"ordererPhone\":\"{phone}\",\"orderNo\":\"{ymd}{n7}\"}",
    "{\"recipient_name\": \"{who}\", \"tel\": \"{line}\", \"zip\": \"0{n4}\"}",
    "{\"성명\":\"{who}\",\"주민번호\":\"{resident}\",\"계좌\":\"{account}\"}",
    "{\"bankCode\":\"088\",\"accountNo\":\"{account}\",\"depositor\":\"{who}\"}",
    "{\"card\":{\"number\":\"{payment}\",\"exp\":\"12/28\"},\"ts\":{ms}}",
    "{\"rrn\":\"{resident13}\",\"trace\":\"{hexes}\"}",
    "{\"bizRegNo\":\"{biz}\",\"ceoName\":\"{who}\"}",
    "{\"passport_number\":\"{pass}\",\"nationality\":\"KOR\"}",
    "{\"driverLicenseNo\":\"{licence}\"}",
    "{\"client_ip\":\"{addr}\",\"status\":200,\"elapsed\":{n3}}",
    "{\"password\":\"{pw}\",\"remember\":true}",
    "{\"access_token\":\"{key}\",\"expires_in\":3600}",
    "{\"apiKey\":\"{hex32}\"}",
    "{\"phones\":[\"{phone}\",\"{line}\"],\"emails\":[\"{mail}\"]}",
    "{\"iban\":\"{acct_int}\",\"bic\":\"DEUTDEFF\"}",
    "<user><name>{who}</name><phone>{phone}</phone></user>",
    "<td>{phone}</td><td>{mail}</td>",
    "<a href=\"mailto:{mail}\">{mail}</a>",
    "<input name=\"ssn\" value=\"{ssn9}\">",
    "INSERT INTO members (name, phone, email) VALUES ('{who}님', '{phone}', '{mail}');",
    "UPDATE users SET phone='{phone}' WHERE email='{mail}' AND id={n6};",
    "SELECT * FROM customer WHERE rrn = '{resident}'",
    "name: {who}\nphone: \"{phone}\"\nemail: {mail}",
    "user.email={mail}\nuser.tel={phone}",
    "GET /search?q=x&email={mail}&page=2 HTTP/1.1",
    "https://example.com/reset?email={mail}&ts={s}",
    "postgres://app:{pw_url}@db.internal:5432/main",
    "{iso} INFO  [auth] login ok user={mail} ip={addr} took={n3}ms",
    "{iso} WARN  sms to {phone} failed: code={n4}",
    "{addr} - - [28/Nov/2026:10:11:12 +0900] \"POST /login HTTP/1.1\" 401 {n3}",
    "Nov 28 10:11:12 gw sshd[{n4}]: Failed password for root from {addr} port {n4}",
    "X-Forwarded-For: {addr}, {addr}",
    "remote={addr}:443 latency={n2}ms",
    "[{addr}]:8080 refused",
    "From: {mail}\nTo: {mail}\nSubject: Re: order {n8}",
    "Authorization: Bearer {key}",
    "curl -u admin:{pw} https://internal.example/api",
    "export AWS_SECRET_ACCESS_KEY={aws}",
    "AWS_ACCESS_KEY_ID={akid}",
    "DB_PASSWORD={pw}",
    "secret_key = \"{hex32}\"",
    "client_secret: {b64}",
    "X-Api-Key: {hex32}",
    "token={key}; path=/; HttpOnly",
    "const apiKey = '{key}';",
    "stripe.api_key = \"{key}\"  # TODO remove",
    "git remote add origin https://{key}@github.com/org/repo.git",
    "docker login -u ci -p {key} registry.example.com",
    // English.
    "Hi, this is Jane from Acme. Call me back at {world} or email {mail}.",
    "Please wire the deposit to {acct_int} by Friday.",
    "Her Social Security number is {ssn9}.",
    "My card number is {payment}, expiring 08/29, zip 94107.",
    "Employee SSN: {ssn9}, phone: {world}",
    "The resident registration number of the tenant is {resident}.",
    "Korean mobile: {phone}",
    "You can reach Mr. Park on {phone} (mobile) or {line} (office).",
    "Traveller passport no. {pass}, arriving {iso}",
    "Alien registration card {alien}",
    "Business registration no. {biz} (Seoul)",
    "Bank account number: {account}, Kookmin Bank",
    "Driver license number {licence} was verified.",
    "Blocked {addr} after repeated failures; contact {mail}",
    "CC: {mail}; {mail}",
    "Please don't share this key: {key}.",
    "The password is {pw}, change it after login.",
    "Ship to: Hong, Gildong, phone {phone}, order {n8}",
    "Refund to card {payment} for order #{n8} (${n3}.{n2})",
    "Beneficiary: ACME GmbH, IBAN: {acct_int}, BIC: COBADEFFXXX",
    // Mixed.
    "고객 {who}님 card {payment} declined, ticket {n8}",
    "[긴급] {who} 과장님 계정({mail}) 비밀번호 {pw} 노출",
    "주문 {ymd}-{n7} 수령자 {who} 연락처 {phone} 금액 {comma}원",
    "{ymd} {comma} 입금 {who}님",
    "승인 {comma}원 카드 {payment} 가맹점 {biz}",
    "발신 {phone} 수신 {line} 통화 {n3}초",
    "세션 {hexes} 사용자 {mail} 주소 {addr}",
    "이력서: {ymd}생, {phone}, {mail}",
    "김포공항 국제선 {who}님을 찾습니다",
    "RE: {who} 님 견적 요청 건 (견적번호 Q-{n8})",
];

/// Where nothing is to be found.
const HARMLESS: &[&str] = &[
    "{nobody}님 안녕하세요",
    "{nobody}님께서 말씀하신 대로 진행하겠습니다",
    "{nobody}님, 오늘 일정 확인 부탁드려요.",
    "존경하는 {nobody}님",
    "{nobody}님이 아니라 다른 분이 오셨어요",
    "저희 {nobody}님께 전달하겠습니다",
    "담당: {nobody}",
    "작성자: {nobody}",
    "날씨가 맑고 아가씨들이 웃는다",
    "글씨가 예쁘네요, 솜씨도 좋고 말씨도 곱고 마음씨도 착해요",
    "불씨가 남아서 위험합니다",
    "씨앗과 볍씨를 뿌리고 씨름을 구경했다",
    "아저씨, 여기 김밥 하나 주세요",
    "섭씨 25도, 화씨 77도",
    "이름: 미정 / 담당자: 없음",
    "이름을 입력하세요. 성명은 필수입니다.",
    "고객님의 성함을 알려주세요",
    "담당자 지정 후 연락드리겠습니다",
    "예금주 확인이 필요합니다",
    "대표 전화는 1588-{n4}입니다",
    "고객센터 1544-{n4}, 1600-{n4} (평일 09:00~18:00)",
    "긴급신고 112, 119, 민원 110, 다산콜 120",
    "주문번호 {ymd}{n7} 상품준비중",
    "주문 {ymd}-{n7} 건이 결제 완료되었습니다",
    "주문번호: {ymd}{n6}",
    "운송장번호 {n12} (CJ대한통운)",
    "송장번호: {n10}, 배송완료",
    "택배 {n12} 도착",
    "등기번호 {n13} 조회",
    "예약번호 {n8} 체크인 15:00",
    "접수번호 20{n2}-{n6} 처리중",
    "문서번호: 총무-{n4}, 시행일 {iso}",
    "사건번호 2024가단{n6}",
    "제{n3}조 제{n2}항에 따라 처리한다",
    "개인정보 보호법 제17조제1항제1호",
    "바코드 880{n10} 스캔",
    "ISBN {isbn}",
    "상품코드 {n13} 재고 {n2}개",
    "모델 SM-S{n3}N, 시리얼 R{upper}",
    "일련번호 {upper}{n4}",
    "IMEI {imei}",
    "버전 {v4} 업데이트 안내",
    "펌웨어 {v4}로 올려주세요",
    "Chrome/{n3}.0.{n4}.{n2} Safari/537.36",
    "Windows NT 10.0.{n4}.{n3} build",
    "nginx/{v3} (Ubuntu)",
    "kernel {v3}-{n2}-generic #{n2}-Ubuntu SMP",
    "release v{v3}.{n4}",
    "netmask 255.255.255.0 gateway 0.0.0.0",
    "listening on 127.0.0.1:{n4}",
    "CIDR 10.0.0.0/8, 192.168.0.0/16",
    "invalid address {badip}",
    "oid 1.3.6.1.4.1.{n4}",
    "위도 {lat}, 경도 {lng}",
    "{\"lat\":{lat},\"lng\":{lng}}",
    "총액 {comma}원 (부가세 포함)",
    "계약금 {n8}원, 잔금 {n10}원",
    "매출 {n10} 원",
    "{n4}호 {n3}동 {n2}층",
    "서울특별시 강남구 테헤란로 {n3} {n4}호 (우)0{n4}",
    "회의실 {n4}호에서 14:00~15:30",
    "{iso} 에 시작해서 {iso} 에 끝남",
    "{ymd} {ymd} 휴가 신청",
    "2024-11-28 ~ 2024-12-05 이벤트",
    "D-{n2}, {n3}명 참여, 조회수 {n7}",
    "점수 98.5, 평균 87.123456789",
    "{\"timestamp\":{ms},\"value\":{n3}.{n6}}",
    "{\"created\":{s},\"updated\":{s},\"id\":\"{uuid}\"}",
    "{\"offset\":{us16},\"partition\":{n2}}",
    "{\"orderId\":\"{ymd}{n7}\",\"sku\":\"{sku}\"}",
    "{\"productCode\":\"{n13}\",\"price\":{n6}}",
    "{\"trackingNo\":\"{n12}\",\"carrier\":\"CJ\"}",
    "{\"type\":\"name\",\"label\":\"이름\",\"required\":true}",
    "{\"status\":\"성공\",\"message\":\"정상 처리되었습니다\"}",
    "{\"name\":\"서울지점\",\"code\":{n4}}",
    "{\"name\":\"기본요금\",\"amount\":{n6}}",
    "{\"category_name\":\"유아용품\",\"count\":{n3}}",
    "{\"title\":\"신제품 안내\",\"author\":\"관리자\"}",
    "{\"version\":\"{v4}\",\"commit\":\"{hexes}\"}",
    "{\"token_type\":\"Bearer\",\"expires_in\":3600}",
    "{\"password\":\"********\",\"secret\":null}",
    "{\"max_tokens\":4096,\"token_count\":{n4}}",
    "sha256:{hexes}{hex8}{hex8}{hex8}",
    "etag: W/\"{hex8}-{hex8}\"",
    "request id {uuid}",
    "trace {hexes} span {hex8}{hex8}",
    "mac 3c:22:fb:{n2}:{n2}:{n2}",
    "use std::collections::HashMap; // v{v3}",
    "assert_eq!(parse(\"{v3}\"), Ok(()));",
    "let id = {n16}u64;",
    "const MAX: u64 = {n10};",
    "#define MAGIC 0x{hex8}",
    "color: #{n6}; width: {n3}px",
    "import React from 'react'; // @types/react@{v3}",
    "npm i @scope/pkg@{v3}",
    "ssh git@gitlab.com:group/project.git",
    "user@host:~$ ls -la",
    "@everyone 공지 확인 바랍니다",
    "pid {n6} tid {n8} mem {n10}",
    "ERROR {n8} rows affected in {n4} ms",
    "retry in {n3}s, attempt {n2}/{n2}",
    "port 8080 -> 10.{n3}",
    "card ending in {n4}",
    "카드 뒷자리 {n4}",
    "카드 ****-****-****-{n4}",
    "010-****-{n4} 고객님",
    "주민번호 900101-1******",
    "test card {nocard}",
    "invoice INV-{n8} total ${comma}.{n2}",
    "PO number {n10}, qty {n4}",
    "Flight KE{n3}, seat 12A, gate {n2}",
    "Room {n4}, floor {n2}",
    "chapter {n2}, section 3.4.5.6",
    "population {comma}, area {n6} km2",
    "tracking 1Z{upper}{n6}",
    "UPS tracking number {n12}",
    "EAN {n13}",
    "The meeting is on 2026-11-28 at 10:30, room 301.",
    "Password must be at least 12 characters.",
    "Please reset your password within 24 hours.",
    "The token expires in 3600 seconds.",
    "API keys are rotated every 90 days.",
    "secretary of state, keyboard, monkey123",
    "password: <your password>",
    "api_key=${API_KEY}",
    "Bearer token required",
    "your_api_key_here",
    "passport control opens at 06:00",
    "driver version {v4}",
    "account manager will call you",
    "Contact us by phone or email.",
    "phone case SKU {n8}",
    "IP rating 68, ip address unknown",
    "hash {hexes}",
    "ratio 1:{n2}:{n3}",
    "time 12:34:56.{n6}",
    "v{v3}+{ymd}",
    "{n3},{n3},{n3} bytes",
    "3.1415926535 {n8}",
    "좋아요 {n4}개 댓글 {n3}개 공유 {n2}회",
    "지하철 2호선 강남역 {n2}번 출구",
    "이사 비용 견적 문의드립니다",
    "고양이 강아지 이야기",
    "이번 주 금요일 오전 회의",
    "고객 이름과 연락처를 확인해 주세요",
    "신청자 명단을 확인하세요",
    "환자 대기 시간 안내",
    "회원 가입 이벤트 진행",
    "학생 여러분 안녕하세요",
    "선생님 감사합니다",
    "기사님이 오셨어요",
    "대리운전 기사님 불러주세요",
    "우리 이모님이 최고예요",
    "장인어른께서 오셨다",
    "전문의와 상담하세요",
    "제일 먼저 도착한 분",
    "조선시대 임금님 이야기",
    "공주님과 왕자님 동화",
    "이장님 댁 마을회관",
    "한국인 씨름 선수",
    "강원도 원주시 문막읍",
    "사과 배 감 귤 씨 없는 수박",
];

/// Values that only these lines have, since they depend on what stands around.
pub(crate) fn all(slot: &str, dice: &mut Dice) -> (String, Option<&'static str>) {
    match slot {
        "pw_url" => (
            format!("{}{}x", dice.letters(ALNUM, 6), dice.digits(3)),
            Some("SECRET"),
        ),
        "aws" => (
            format!(
                "{}/{}7+{}",
                dice.letters(ALNUM, 12),
                dice.letters(ALNUM, 12),
                dice.letters(ALNUM, 13)
            ),
            Some("SECRET"),
        ),
        "akid" => (
            format!(
                "AKIA{}",
                dice.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
            ),
            Some("SECRET"),
        ),
        other => adverse(other, dice),
    }
}

/// `rounds` lines of each kind.
pub(crate) fn adverse_samples(seed: u64, rounds: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let lines = (0..rounds).flat_map(|_| LINES.iter().chain(HARMLESS));
    lines.map(|line| sample(line, &mut dice, all)).collect()
}
