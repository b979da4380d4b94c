//! The words around a value that say what it is, or that it is something harmless.

use std::ops::Range;
use std::sync::LazyLock;

use crate::lexicon::Lexicon;

/// What a label speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Phone,
    Rrn,
    Frn,
    Brn,
    Driver,
    Passport,
    Bank,
    Card,
    Ssn,
    Ip,
    /// A number that belongs to nobody: of an order, a version, a moment.
    Harmless,
    /// Something that happens, whose number often stands there, but as often that of a person.
    Event,
    /// Speaks of what stands before it alone: of a firm, or of what is to be done with an account.
    Behind(Follows),
    /// Of another word it is a part that would be a label by itself: `주문자` orders, and is no order.
    Nothing,
}

/// What a word says of the number before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    Brn,
    Bank,
}

/// Labels, keys and other words by what they speak of. ASCII words stand alone or as a part of a key; `~`
/// is a space.
const WORDS: [(Label, &str); 15] = [
    (
        Label::Phone,
        "전화 연락처 휴대폰 핸드폰 휴대전화 모바일 폰번호 번호는 문자 통화 팩스 직통 사무실 유선 자택 tel phone mobile cell \
         call fax contact hp telephone cellphone sms whatsapp callback mobileno phoneno phonenumber dial text reach landline \
         회신 콜백 콜백번호 대표번호 발신번호 발신 문의 t. wa.me",
    ),
    (
        Label::Rrn,
        "주민번호 주민등록 주민등록번호 주민 민증 민증번호 신분증 주민등록증 rrn jumin ssn_kr resident resident~registration residentnumber juminno jumin_no resident_no \
         ihidnum rrno national~id national_id national-id nationalid resident~id resident_id resident-id residentid korean~id korean_id id~card 출생아 신생아",
    ),
    (
        Label::Frn,
        "외국인등록 외국인등록번호 외국인등록증 외국인번호 외국인 거소신고 frn arc foreigner alien alien~registration \
         alien~registration~card alien~registration~number foreigner~registration alien_reg residence~card 거소신고번호",
    ),
    (
        Label::Brn,
        "사업자등록번호 사업자번호 사업자등록 사업자 brn biz_no bizno biz_reg business_no business~registration business~reg registration businessnumber corp_reg_no biz bizreg bizregno 사업장 공급자 공급받는자 \
         가맹점 거래처 세금계산서 bizrno bzno brno bzregno bizregnum corpnum corp_num 등록번호",
    ),
    (
        Label::Driver,
        "렌트 렌터카 렌트카 운전면허번호 운전면허 면허번호 면허증 면허 drvlcnsno drvlcns drv_lcns lcnsno 종보통 종대형 종소형 driver drivers driverlicense license_no licence license dl",
    ),
    (
        Label::Passport,
        "여권번호 여권 passport passports passport_no passportno pspt psptno pspt_no ppt travel~doc travel~document traveldoc",
    ),
    (
        Label::Bank,
        "계좌번호 계좌 입금 송금 이체 은행 뱅크 환불계좌 account acct bank accountno accountnumber bankaccount account_no 국민 신한 농협 \
         수협 신협 우체국 새마을금고 카카오뱅크 토스뱅크 케이뱅크 기업은행 우리은행 하나은행 통장 예금 sc제일 제일은행 새마을 카뱅 케뱅 토뱅 토스 축협 산림조합 저축은행 ibk 출금 회비 축의금 조의금 부조금 부의금 월세 곗돈",
    ),
    (
        Label::Card,
        "카드번호 카드 card cardno pan visa mastercard amex credit cc cardnumber card_no 유효기간 할부 일시불 cvc cvv expiry 국민카드 신한카드 농협카드",
    ),
    (
        Label::Ssn,
        "ssn social 사회보장번호 사회보장 socialsecurity taxpayer taxpayer~id tax~id itin",
    ),
    (
        Label::Ip,
        "upstream server gateway proxy 서버 게이트웨이 프록시 dns nameserver peer src dst ping ip 아이피 addr ipaddr host remote client 접속 clientip",
    ),
    (
        Label::Harmless,
        "주문번호 법인등록번호 법인번호 신청번호 처리번호 증권번호 민원번호 등기번호 회원번호 고객번호 계약번호 \
         청구번호 견적번호 발주번호 품번 접수번호 송장번호 송장 운송장 바코드 ean ean13 isbn imei imsi iccid ord order orders ts epoch timestamp offset 택배번호 \
         버전 version ver build 빌드 rev revision commit sku upc gtin 모델 모델명 model 제품번호 상품번호 상품코드 serial 시리얼 일련번호 \
         tracking invoice 예약번호 티켓 ticket case 금액 amount price 가격 결제번호 거래번호 승인번호 문서번호 사건번호 \
         관리번호 참조 reference ref trace hash checksum size seq sequence lot batch pid lag pg firmware 펌웨어 release \
         patch section chapter oid nonce 수량 재고 우편번호 zip 조회수 좌표 lat lng bytes duration elapsed time timestamp_ms \
         created_at updated_at createdat updatedat expires exp iat nbf 합계 잔액 total balance 매출 수신거부번호 문의번호 쿠폰 coupon account_id account~id accountid acct_id 코드 code 자산번호 자산 납부번호 릴리스 \
         barcode 로트 배치 학번 사번 원고번호 특허 번들 sdk kernel 커널 snmp mib 고시 제호 parcel shipment waybill event msgid \
         product productcode productno goods itemcode linux windows macos android chrome safari firefox curl jdk java python openssl aws~account arn transaction txid tx order_no orderid po quote rma part partno item article 회차 차대번호 기기 device counter count",
    ),
    (
        Label::Event,
        "접수 주문 택배 예약 이벤트 번호 추적 문서 회의 id",
    ),
    (Label::Behind(Follows::Brn), "주식회사 상호 상호명"),
    (
        Label::Behind(Follows::Bank),
        "보내줘 보내주 보내라 부쳐줘 부쳐주",
    ),
    (
        Label::Nothing,
        "주문자 주문하신 접수자 접수인 접수처 예약자 예약하신 택배기사 문의자 국민연금 국민건강 국민신문고 국민청원 농협마트 농협직원 전월세",
    ),
];

/// Pictures of telephones.
const SIGNS: [char; 5] = ['☎', '☏', '✆', '📞', '📱'];

/// How far before a value a label may stand, and how far behind it.
const BEFORE: usize = 72;
const BEHIND: usize = 24;

static LABELS: LazyLock<Lexicon<Label>> = LazyLock::new(|| Lexicon::of(words()));

/// All words, with the label that each is.
pub(crate) fn words() -> impl Iterator<Item = (String, Label)> {
    WORDS.iter().flat_map(|(label, words)| {
        let words = words.split_whitespace();
        words.map(|word| (word.replace('~', " "), *label))
    })
}

/// What the words around a value say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Context {
    /// The nearest label between the number before and the value.
    pub(crate) near: Option<Label>,
    /// The one before that, in the same place.
    pub(crate) second: Option<Label>,
    /// The nearest label before the numbers that stand between.
    pub(crate) far: Option<Label>,
    /// The label right behind the value.
    pub(crate) behind: Option<Label>,
}

impl Context {
    /// The context of `start..end`, where the number before it ends at `before`.
    pub(crate) fn of(text: &str, start: usize, end: usize, before: usize) -> Self {
        let from = text.floor_char_boundary(start.saturating_sub(BEFORE));
        let near_from = text.floor_char_boundary(from.max(before.min(start)));
        let (near, second) = match &text[near_from..start] {
            // What is a telephone for everybody needs no word.
            head if is_sign(head) => (Some(Label::Phone), None),
            head => last_labels(head, false),
        };
        let far = match near {
            None if near_from > from => last_labels(&text[from..near_from], true).0,
            _ => None,
        };
        Self {
            near,
            second,
            far,
            behind: behind(&text[end..]),
        }
    }

    /// How sure the words make it that the value is one of `wanted`: positive, neutral or negative. A label of
    /// something harmless takes away `doubt`, and one of what happens `event`.
    pub(crate) fn bonus(self, wanted: &[Label], doubt: f32, event: f32) -> f32 {
        let is_wanted = |label: Option<Label>| label.is_some_and(|label| wanted.contains(&label));
        if is_wanted(self.near) {
            return 0.4;
        }
        if self.near == Some(Label::Harmless) {
            // `택배 기사님이 010…로 전화` has a label of its own behind.
            return if is_wanted(self.behind) { 0.1 } else { -doubt };
        }
        if is_wanted(self.second) && self.near.is_some() || is_wanted(self.behind) {
            return 0.35;
        }
        if self.near == Some(Label::Event) {
            return -event;
        }
        if self.near.is_some() {
            return -0.2;
        }
        match self.far {
            far if is_wanted(far) => 0.3,
            Some(Label::Harmless) => -0.1,
            _ => 0.0,
        }
    }
}

/// Whether a picture of a telephone stands there, or the letter that cards have for one, as in `T 02-…`.
fn is_sign(head: &str) -> bool {
    let before = head.trim_end_matches([' ', ':', '.', '(', '+']);
    let mut last = before.bytes().rev();
    let is_letter = last.next().is_some_and(|byte| b"TFMH".contains(&byte))
        && before.len() < head.len()
        && last
            .next()
            .is_none_or(|byte| matches!(byte, b' ' | b'\n' | b'/' | b'|' | b'('));
    is_letter || before.ends_with(SIGNS)
}

/// The last label of a piece, and the one before it.
fn last_labels(piece: &str, only_line: bool) -> (Option<Label>, Option<Label>) {
    let piece = match memchr::memrchr(b'\n', piece.as_bytes()) {
        Some(at) if only_line => &piece[at..],
        _ => piece,
    };
    let has_lines = memchr::memchr(b'\n', piece.as_bytes()).is_some();
    let mut last = None;
    let mut second = None;
    let mut known = 0;
    for (label, Range { start, end }) in LABELS.all_in(piece) {
        // `제조번호` is somebody's number of something, `전화번호` has been read, and `번호` says nothing.
        let is_part = &piece[start..end] == NUMBER
            && (start == known && start > 0 || !piece[..start].ends_with(is_syllable));
        known = end;
        if is_part {
            continue;
        }
        let is_doubt = matches!(label, Label::Harmless | Label::Event);
        if matches!(label, Label::Nothing | Label::Behind(_))
            || !stands_alone(piece, start, end)
            || is_doubt && is_spent(&piece[end..])
            || has_lines && is_heading(piece, start, end)
        {
            continue;
        }
        if last != Some(label) {
            second = last;
        }
        last = Some(label);
    }
    (last, second)
}

const NUMBER: &str = "번호";

fn is_syllable(one: char) -> bool {
    ('가'..='힣').contains(&one)
}

/// Whether a label has a value of its own between it and the one that is asked about, as in `lag=0 member=…`
/// or `접수: 홍길동 / …`.
fn is_spent(between: &str) -> bool {
    let is_said = |piece: &str| piece.chars().any(char::is_alphanumeric);
    let behind = between.trim_start_matches([' ', '"', '\'', '\\']);
    let value = behind.strip_prefix([':', '=']);
    let is_field = behind.starts_with('=');
    let ends = |one: char| ",;|\n]".contains(one) || is_field && one == ' ';
    let value = value
        .unwrap_or(behind)
        .trim_start_matches([' ', '"', '\'', '\\']);
    let slash = memchr::memmem::find(value.as_bytes(), b" / ");
    let ends = value.find(ends).into_iter().chain(slash).min();
    ends.is_some_and(|at| is_said(&value[..at]))
}

/// Whether a label is the last cell of the line of headings above: it stands over another column.
fn is_heading(piece: &str, start: usize, end: usize) -> bool {
    let before = memchr::memrchr(b'\n', &piece.as_bytes()[..start]);
    let line = before.map_or(0, |at| at + 1);
    let Some(next) = piece[end..].find('\n') else {
        return false;
    };
    piece[line..end + next].contains([',', '|', '\t', ';'])
}

/// What the heading of a column says of what stands below.
pub(crate) fn of_heading(heading: &str) -> Option<Label> {
    last_labels(heading, false).0
}

/// Whether a word is not a part of a longer ASCII word. `cardNo` and `card_no` have the part `card`.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    if !bytes[start].is_ascii() {
        return true;
    }
    let before = start.checked_sub(1).map(|at| bytes[at]);
    let starts = before.is_none_or(|byte| {
        !byte.is_ascii_alphanumeric()
            || (byte.is_ascii_lowercase() && bytes[start].is_ascii_uppercase())
    });
    let ends = bytes
        .get(end)
        .is_none_or(|byte| !byte.is_ascii_lowercase() || !bytes[end - 1].is_ascii_lowercase());
    starts && (ends || bytes.get(end) == Some(&b's'))
}

fn behind(rest: &str) -> Option<Label> {
    let rest = &rest[..rest.floor_char_boundary(BEHIND)];
    let cut = rest.bytes().position(|byte| b",;|/\n\":=".contains(&byte));
    if cut.is_some_and(|at| matches!(rest.as_bytes()[at], b':' | b'=' | b'"')) {
        return None;
    }
    // What stands behind the next number speaks of that.
    let number = rest.bytes().position(|byte| byte.is_ascii_digit());
    let piece = &rest[..cut.into_iter().chain(number).min().unwrap_or(rest.len())];
    // A firm stands behind its number.
    if piece.trim_start_matches(' ').starts_with("(주)") {
        return Some(Label::Brn);
    }
    let (label, found) = LABELS.all_in(piece).next()?;
    let label = match label {
        Label::Behind(Follows::Brn) => Label::Brn,
        Label::Behind(Follows::Bank) => Label::Bank,
        Label::Harmless | Label::Event | Label::Nothing => return None,
        other => other,
    };
    stands_alone(piece, found.start, found.end).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(text: &str, value: &str) -> Option<Label> {
        let start = text.find(value).unwrap();
        Context::of(text, start, start + value.len(), 0).near
    }

    #[test]
    fn the_nearest_label_counts() {
        assert_eq!(near("주문번호 1, 카드 42", "42"), Some(Label::Card));
        assert_eq!(near(r#"{"card_no":"42"}"#, "42"), Some(Label::Card));
        assert_eq!(near(r#"{"cardNo":"42"}"#, "42"), Some(Label::Card));
        assert_eq!(near("valid 42", "42"), None);
        assert_eq!(near("ORD-42", "42"), Some(Label::Harmless));
    }

    #[test]
    fn a_label_with_a_value_of_its_own_is_spent() {
        assert_eq!(near("접수: 홍길동 / 42", "42"), None);
        assert_eq!(near("lag=0 member=a-/42", "42"), None);
        assert_eq!(near("[예약확정] 홍길동 42", "42"), None);
        assert_eq!(near("접수 42", "42"), Some(Label::Event));
        assert_eq!(near("주문번호: 42", "42"), Some(Label::Harmless));
        assert_eq!(near(r#"{"id":"42"}"#, "42"), Some(Label::Event));
    }

    #[test]
    fn people_and_longer_words_are_no_labels() {
        assert_eq!(near("주문자 42", "42"), None);
        assert_eq!(near("국민연금 42", "42"), None);
        assert_eq!(near("national id: 42", "42"), Some(Label::Rrn));
        assert_eq!(near("제조번호 42", "42"), Some(Label::Event));
        assert_eq!(near("전화번호 42", "42"), Some(Label::Phone));
        assert_eq!(near("☎ 42", "42"), Some(Label::Phone));
        assert_eq!(near("F 42", "42"), Some(Label::Phone));
    }

    #[test]
    fn the_last_heading_is_no_left_neighbour_of_the_first_cell() {
        assert_eq!(near("카드번호,금액\n42", "42"), None);
        assert_eq!(near("주문번호\n42", "42"), Some(Label::Harmless));
    }

    #[test]
    fn a_label_behind_counts_unless_it_opens_the_next_value() {
        let behind = |text: &str| Context::of(text, 0, 2, 0).behind;
        assert_eq!(behind("42 (카카오뱅크)"), Some(Label::Bank));
        assert_eq!(behind("42 카드: 17"), None);
        assert_eq!(behind("42 (주)한빛"), Some(Label::Brn));
        assert_eq!(behind("42로 보내줘"), Some(Label::Bank));
    }
}
