//! The words that say of what stands beside them that it is a name.

use std::sync::LazyLock;

use super::Words;

/// Words that make a name of what stands before them.
pub(crate) static TITLES: LazyLock<Vec<String>> = LazyLock::new(|| words(TITLES_WRITTEN));

/// They, with `~` for a space.
const TITLES_WRITTEN: &str = "지사장 부사장 님 씨 군 양 옹 고객 회원 선생 교수 팀장 과장 부장 차장 대리 사원 주임 대표 \
이사 사장 실장 본부장 원장 소장 센터장 간호사 박사 변호사 기사 매니저 수석 책임 선임 \
연구원 학생 환자 어르신 강사 작가 주무관 사무관 서기관 의원 회장 부회장 상무 전무 감독 \
코치 목사 장로 집사 권사 판사 회계사 세무사 약사 국장 처장 단장 총장 학장 교사 조교 인턴 \
파트장 그룹장 지점장 점장 계장 기자 형사 경위 경감 순경 선배 후배 지원자 디자이너 개발자 \
여사 관장 이장 상병 병장 일병 중사 대위 군수 구청장 도지사 장관 차관 총재 총리 대통령 \
대변인 위원장 대표이사 아저씨 아주머니 아줌마 할머니 할아버지 어머님 아버님";

/// What a letter ends with, behind its writer, and what its address ends with.
pub(crate) const CLOSINGS: [&str; 4] = [" 드림", " 올림", " 배상", " 귀하"];

/// Particles that stand behind persons, and hardly behind things.
pub(crate) const OF_PERSONS: [&str; 3] = ["에게", "한테", "께서"];

/// Words with which people begin to say who they are.
pub(crate) const SELVES: [&str; 4] = ["저는", "제가", "나는", "안녕하세요"];

/// What follows the name of whoever says who they are.
pub(super) const BEING: [&str; 10] = [
    "입니다",
    "이에요",
    "예요",
    "이라고",
    "라고",
    "인데",
    "이고",
    "이며",
    "이라",
    "에요",
];

/// Labels and keys behind which a name stands.
pub(crate) static LABELS: LazyLock<Vec<String>> = LazyLock::new(|| words(LABELS_WRITTEN));

/// They, with `~` for a space.
const LABELS_WRITTEN: &str = "면접관 변호인 검사 기사 심사관 조사관 명부: 명부~: 명단: 명단~: 보낸사람 보낸~사람 보낸이 받은사람 자녀 원고 피고 수익자 면접자 \
전임자 후임자 신랑 신부 강사 가수 배우 감독 작가 기자 교수 간호사 변호사 팀장 과장 부장 \
차장 대리 사원 주임 이사 사장 실장 반장 부반장 여행자 보증인 연대보증인 세입자 집주인 \
사회자 운전자 엄마 아빠 어머니 아버지 남편 아내 동생 누나 언니 오빠 친구 동료 동기 선배 \
후배 명부 명단 참석 불참 담당의 집도의 participants attendees members 고인 당첨자 수상자 합격자 \
봉사자 후원자 관리자 책임자 운영자 용의자 목격자 참고인 증인 감정인 통역 통역사 조종사 \
기관사 조교 코치 방문자 이용자명 사용자 자: 자~: 인: 인~: 분: 분~: 명: 받는이 보내는이 결제자 \
입금하신~분 주문하신~분 받으실~분 성~명 이~름 수~령~인 예~금~주 이름 성명 성함 예금주 수취인 \
수령인 수령자 받는분 받는~분 받는사람 받는~사람 보내는분 보내는~분 보내는사람 보내는~사람 \
신청인 신청자 담당자 담당 환자명 환자 고객명 고객 회원명 회원 대표자명 대표자 대표 작성자 \
학생명 보호자 주문자 구매자 승객 승객명 탑승자 입금자명 입금자 입금주 의뢰인 계약자 \
피보험자 직원명 사원명 발신자 수신자 예약자 참석자 가입자 소유자 명의자 명의 본인 피해자 \
수신인 발송인 문의자 제보자 상담원 상담사 name holder customer owner recipient sender receiver \
manager patient author depositor representative employee fullname username payee beneficiary member contact student nm ceo \
대표이사 송금인 송금자 송하인 수하인 접수자 접수인 의사 주치의 담임 세대주 상속인 위임인 \
대리인 법정대리인 채권자 채무자 매도인 매수인 임대인 임차인 근로자 사용자명 교육생 수강생 \
연락담당 지원자 지원자명 응시자 응시자명 납부자 납세자 발급자 요청자 요청인 처리자 승인자 \
결재자 기안자 배송기사 기장자 대상자 대상자명 동의자 서명자 고객성명 보호자명 담당자명 \
작성자명 주문자명 수령자명 예약자명 신청자명 구매자명 가입자명 대표자성명 계약자명 \
환자성명 예금주명 수취인명 학부모 사망자 부양자 원생 아동명 자녀명 배우자 팀원 진행자 \
발표자 강연자 저자 지은이 옮긴이 글쓴이 판매자 판매자명 입금인 출금인 출금자 소유주 \
건물주 대여자 분실자 습득자 조회자 검토자 guest passenger buyer seller reporter applicant guardian \
attendee assignee writer teacher doctor account_name claimant insured contractor signer player caller callee worker \
driver tenant landlord lender borrower staff supervisor approver requester subscriber consignee shipper orderer remitter 학생 회장 부회장 의장 감사 \
위원장 부위원장 단장 국장 원장 소장 본부장 센터장 지점장 점장 총무 간사 차주 견주 인턴 \
직원 작성 검토 승인 결재 기안 확인 접수 등록 자~ 인~ 사람: 조: 조원 멤버 교수: 의사: 회장: \
의장: 직원: 상담원: PM: 담당의: 처방의: 보낸분 받은분 보내신분 예약 reviewer instructor \
speaker 인사위원 심사위원 수신 발신 교사 자명: 자명~ 상주 갑: 을: cn fn 조장 수험생 아들 환아 세대원 퇴사자 퇴직자 입사자 이수자 수료자 신고자 추천인 주연 조연 \
입금 송금 출금 이체 발급대상 보낸~이 받는~이 보내는~이";

/// Those behind which a name stands without any sign, as in `예금주 홍길동`.
pub(super) const FIRM: &str = "성명 성함 이름 예금주 예금주명 수취인 수취인명 수령인 수령자 수령자명 송금인 받는분 받는사람 보내는분 보내는사람 \
신청인 신청자 신청자명 환자명 고객명 회원명 대표이사 대표자 대표자명 작성자 입금자 입금자명 예약자 예약자명 가입자 \
가입자명 명의자 피보험자 계약자 계약자명 담당자 보호자 탑승자 승객명 세대주 주문자 주문자명 구매자 학생명 직원명 담당자명 등록자명 \
사원명 주치의 holder depositor payee beneficiary remitter";

/// Those that do so at the end of a sentence or a field, as in `대표 홍길동, 전화 …`.
pub(super) const LOOSE: &str = "대표 환자 담당 보호자 학생 고객 회원 강사 임대인 임차인 매도인 매수인 배우자 자녀 원고 피고 수익자 처리자 \
접수자 발송인 발신자 수신인 수신자 학부모 신랑 신부 면접자 동의자 전임자 후임자 반장 부반장 가수 배우 감독 작가 \
기자 교수 의사 간호사 변호사 팀장 과장 부장 차장 대리 사원 주임 이사 사장 실장 여행자 지원자 응시자 \
채무자 채권자 보증인 연대보증인 상속인 대리인 세입자 집주인 상담원 상담사 수강생 담임 저자 제보자 발표자 사회자 운전자 엄마 \
아빠 어머니 아버지 남편 아내 동생 누나 언니 오빠 친구 동료 동기 선배 후배 고인 당첨자 수상자 합격자 \
책임자 목격자 증인 통역 담당의 승인자 결재자 기안자 검토자 요청자 문의자 참석자 판매자 소유자 승객 송하인 수하인 회장 \
부회장 의장 감사 위원장 부위원장 단장 국장 원장 소장 본부장 센터장 지점장 점장 총무 간사 차주 건물주 견주 \
인턴 직원 작성 검토 승인 결재 기안 확인 접수 등록 조장 조원 수험생 아들 환아 세대원 퇴사자 퇴직자 입사자 이수자 수료자 \
신고자 추천인 주연 조연 입금 송금 출금 이체 발급대상 인사위원 심사위원 교사 상주";

/// Words for numbers and addresses that stand between them and whose they are, as in `홍길동 연락처 010…`.
pub(super) const OF_NUMBERS: [&str; 18] = [
    "연락처",
    "전화번호",
    "전화",
    "휴대폰",
    "핸드폰",
    "휴대전화",
    "이메일",
    "메일",
    "주민등록번호",
    "주민번호",
    "번호",
    "tel",
    "hp",
    "h.p",
    "mobile",
    "email",
    "e-mail",
    "계좌",
];

/// Labels behind which a list of names stands, with spaces between.
pub(super) const LISTS: [&str; 9] = [
    "참석",
    "불참",
    "참가",
    "명단",
    "명부",
    "팀원",
    "조원",
    "멤버",
    "구성원",
];

/// Labels of fields that often follow the one with a name.
pub(super) const FIELDS: [&str; 43] = [
    "주소",
    "관계",
    "연락처",
    "전화",
    "전화번호",
    "휴대폰",
    "핸드폰",
    "면허",
    "면허번호",
    "나이",
    "소속",
    "직급",
    "직책",
    "부서",
    "생년월일",
    "성별",
    "주민번호",
    "주민등록번호",
    "계좌",
    "계좌번호",
    "은행",
    "서명",
    "날짜",
    "금액",
    "이메일",
    "메일",
    "비고",
    "혈액형",
    "보증금",
    "외",
    "차량",
    "수험번호",
    "사건번호",
    "사번",
    "학번",
    "회원번호",
    "차트번호",
    "수료번호",
    "사업자번호",
    "사업자등록번호",
    "계정",
    "체중",
    "키",
];

/// Who speaks of themselves by the name of a child, as in `저는 홍길동 엄마입니다`.
pub(super) const PARENTS: [&str; 6] =
    [" 엄마", " 아빠", " 어머니", " 아버지", " 보호자", " 학부모"];

/// Whether a word is a label, as it stands here.
pub(crate) fn is_label(word: &str) -> bool {
    static KNOWN: LazyLock<Words> = LazyLock::new(|| LABELS.iter().map(String::as_str).collect());
    KNOWN.contains(word)
}

fn words(written: &str) -> Vec<String> {
    let words = written.split_ascii_whitespace();
    words.map(|word| word.replace('~', " ")).collect()
}

/// What stands between the name of a thing and its label, as in `제품명:`.
pub(super) const THINGS: [&str; 20] = [
    "제품",
    "상품",
    "품",
    "품목",
    "종목",
    "과목",
    "약품",
    "서비스",
    "업체",
    "회사",
    "건물",
    "지역",
    "작품",
    "도서",
    "파일",
    "함수",
    "변수",
    "메뉴",
    "모델",
    "부서",
];

/// Fields that stand beside the name of a thing, and what such a thing is called.
pub(super) const OF_THINGS: [&str; 12] = [
    "\"price\"",
    "\"qty\"",
    "\"quantity\"",
    "\"sku\"",
    "\"stock\"",
    "\"unit_price\"",
    "\"unitPrice\"",
    "\"product\":{",
    "\"item\":{",
    "\"menu\":{",
    "\"수량\"",
    "\"가격\"",
];
