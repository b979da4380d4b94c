//! Korean names: a family name and a given name before `님`, `씨` or a title, behind a label, or beside
//! what is found of a person.

mod alone;
mod beside;
mod labelled;
mod labels;
mod list;
mod titled;
mod word_set;
mod words;

use std::collections::HashSet;
use std::sync::LazyLock;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

pub(crate) use alone::alone;
pub(crate) use beside::beside;
pub(crate) use labelled::{behind_label, introduced};
pub(crate) use labels::{CLOSINGS, LABELS, OF_PERSONS, SELVES, TITLES, is_label};
pub(crate) use list::{more_before, more_behind};
pub(crate) use titled::{before_title, called};
use word_set::WordSet;
use words::{
    CLANS, COMMON_FIRST, FAMILY, FAMILY_OF_TWO, FIRST, GIVEN, LONE, MOSTLY_WORDS, NO_NAMES,
    NOUN_ENDS, OF_CLANS, PARTICLES, RARE, ROLES, SECOND, SINGLE, SURE_PARTICLES,
};

/// Words that are asked for as they stand. They are ours, so nobody can choose them to collide.
type Words = HashSet<&'static str, FixedState>;

fn set(words: &'static str) -> Words {
    words.split_ascii_whitespace().collect()
}

static KNOWN: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(NO_NAMES));
static MOSTLY: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(MOSTLY_WORDS));
static GIVEN_WORDS: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(GIVEN));
static ROLE_WORDS: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(ROLES));
static OF_TWO: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(&FAMILY_OF_TWO.join(" ")));

/// What syllables may be of a name, by their place among all of them: most words are no names, and that is
/// to be seen soon.
struct Syllables(Box<[u8]>);

/// It begins a name, of whichever family.
const BEGINNING: u8 = 1;
/// It is a family.
const IS_FAMILY: u8 = 1 << 1;
/// It is the first or the second syllable of a given name, or all of one.
const IS_FIRST: u8 = 1 << 2;
const IS_SECOND: u8 = 1 << 3;
const IS_SINGLE: u8 = 1 << 4;
/// Nouns end so.
const ENDS_NOUN: u8 = 1 << 5;
/// It is a family, and begins many other words.
const IS_RARE: u8 = 1 << 6;
/// It is all of a given name, and hardly ends another word of two syllables.
const IS_LONE: u8 = 1 << 7;

static SYLLABLES: LazyLock<Syllables> = LazyLock::new(|| {
    let of_two = FAMILY_OF_TWO
        .iter()
        .filter_map(|family| family.chars().next());
    let mut all = Syllables(vec![0; 11_172].into_boxed_slice());
    all.note(of_two, BEGINNING);
    all.note(FAMILY.chars(), BEGINNING | IS_FAMILY);
    all.note(FIRST.chars(), IS_FIRST);
    all.note(SECOND.chars(), IS_SECOND);
    all.note(SINGLE.chars(), IS_SINGLE);
    all.note(NOUN_ENDS.chars(), ENDS_NOUN);
    all.note(RARE.chars(), IS_RARE);
    all.note(LONE.chars(), IS_LONE);
    all
});

impl Syllables {
    fn note(&mut self, syllables: impl Iterator<Item = char>, what: u8) {
        syllables.for_each(|one| self.0[Self::place(one)] |= what);
    }

    fn place(syllable: char) -> usize {
        syllable as usize - '가' as usize
    }
}

/// Whether a syllable may be that of a name; nothing but Hangul is asked for.
fn may_be(syllable: char, what: u8) -> bool {
    SYLLABLES.0[Syllables::place(syllable)] & what != 0
}

static CLAN_PLACES: LazyLock<WordSet> = LazyLock::new(|| WordSet::of(CLANS));

/// How much the words around say that a name stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Only what is made as names are is one.
    Usual,
    /// Whatever begins with a family name is one, unless it is known to be something else.
    High,
}

/// Whether a word is made as a name is.
fn is_name(word: &[char], trust: Trust) -> bool {
    if !(2..=5).contains(&word.len()) || !may_be(word[0], BEGINNING) {
        return false;
    }
    if KNOWN.contains(word) || is_role(word) {
        return false;
    }
    let is_of_two = OF_TWO.contains(&word[..2]);
    let is_one = |given: &[char]| given.len() == 1 && may_be(given[0], IS_SECOND);
    if is_of_two
        && word.len() > 2
        && (is_given(&word[2..]) || is_one(&word[2..]) || trust == Trust::High && word.len() == 4)
    {
        return true;
    }
    may_be(word[0], IS_FAMILY)
        && (is_given(&word[1..])
            || trust == Trust::High && word.len() == 3 && !may_be(word[2], ENDS_NOUN))
}

/// Whether a word says what somebody is or does.
fn is_role(word: &[char]) -> bool {
    word.len() > 2 && ROLE_WORDS.contains(&word[word.len() - 2..])
}

fn is_given(given: &[char]) -> bool {
    if GIVEN_WORDS.contains(given) {
        return true;
    }
    match given {
        [one] => may_be(*one, IS_SINGLE),
        [first, second] => {
            let is_old =
                *second == '자' && "영순미숙경정명춘옥말화금희복은애길연인선".contains(*first);
            let is_room = *second == '실' && !"은영미순복덕".contains(*first);
            let is_noun = *second == '자' && !is_old
                || is_room
                || matches!(
                    given,
                    ['무' | '사' | '구', '원'] | ['호' | '대' | '차' | '치', '인']
                )
                || matches!(*first, '의' | '치') && *second == '사';
            !is_noun && may_be(*first, IS_FIRST) && may_be(*second, IS_SECOND)
        }
        _ => false,
    }
}

/// A family and where it comes from, as in `전주이씨`.
fn is_clan(word: &[char]) -> bool {
    let [.., one, two, family] = word else {
        return false;
    };
    OF_CLANS.contains(*family) && CLAN_PLACES.contains(&[*one, *two])
}

fn is_hangul(found: char) -> bool {
    ('가'..='힣').contains(&found)
}

/// Whether a word is rather a noun and its particle: `명단을`, `방문은`.
fn is_with_particle(word: &[char]) -> bool {
    let [stem @ .., last] = word else {
        return false;
    };
    if GIVEN_WORDS.contains(&word[1..]) {
        return false;
    }
    SURE_PARTICLES.contains(*last) || PARTICLES.contains(*last) && KNOWN.contains(stem)
}

/// Whether a full name stands there, although no word says so: what begins as many words do is none, unless it
/// goes on as names do and hardly anything else.
fn is_plain(word: &[char]) -> bool {
    let is_usual = |word: &[char]| {
        let given = &word[1..];
        word.len() == 4
            || OF_TWO.contains(&word[..2])
            || alone::USUAL.contains(given)
            || GIVEN_WORDS.contains(given)
    };
    is_full(word) && (!may_be(word[0], IS_RARE) || is_usual(word))
}

/// Whether a word of two syllables is rather a name than another word.
fn is_short(word: &[char]) -> bool {
    matches!(word, [family, given] if !may_be(*family, IS_RARE) && may_be(*given, IS_LONE))
        && !MOSTLY.contains(word)
        && is_name(word, Trust::Usual)
}

/// Whether a word is made as most full names are, does not end as nouns do, and is no noun with a particle.
fn is_full(word: &[char]) -> bool {
    let [first, .., middle, last] = word else {
        return false;
    };
    if !(3..=4).contains(&word.len()) || !may_be(*first, BEGINNING) {
        return false;
    }
    let ends_as_noun = may_be(*last, ENDS_NOUN) && !GIVEN_WORDS.contains(&word[1..]) && {
        let usual = COMMON_FIRST.iter().find(|(end, _)| end == last);
        !usual.is_some_and(|(_, firsts)| firsts.contains(*middle))
    };
    let is_long = || OF_TWO.contains(&word[..2]) || GIVEN_WORDS.contains(&word[1..]);
    (word.len() == 3 || word.len() == 4 && is_long())
        && !ends_as_noun
        && is_name(word, Trust::Usual)
        && !may_be_inflected(word)
}

/// Whether a syllable ends in a consonant, by which it is decided which particle follows.
fn is_closed(syllable: char) -> bool {
    (u32::from(syllable) - u32::from('가')) % 28 != 0
}

/// Whether the last syllable may be a particle: which one it is follows from how the one before ends.
fn may_be_inflected(word: &[char]) -> bool {
    let [.., before, last] = word else {
        return false;
    };
    let may_be = match last {
        // `전화라 …`
        '라' | '랑' => KNOWN.contains(&word[..word.len() - 1]),
        '은' | '이' | '을' | '과' => is_closed(*before),
        '는' | '가' | '를' | '와' => !is_closed(*before),
        '해' => !"다은미준".contains(*before),
        '로' | '의' | '에' | '도' | '만' | '들' | '중' | '적' => true,
        _ => false,
    };
    may_be && !GIVEN_WORDS.contains(&word[1..])
}

/// The Hangul of a word, by its syllables.
type Syllabic = SmallVec<[char; GLUED]>;

/// The Hangul at the beginning of a text, as far as a name with its particles may go.
fn hangul(text: &str) -> Syllabic {
    let run = text.chars().take(9);
    run.take_while(|one| is_hangul(*one)).collect()
}

/// The Hangul at the end of a text; nothing if it is too long to be a name with what is glued to it.
fn hangul_before(text: &str) -> Syllabic {
    let run = text.chars().rev().take(8);
    let mut word: Syllabic = run.take_while(|one| is_hangul(*one)).collect();
    if word.len() > 7 {
        word.clear();
    }
    word.reverse();
    word
}

/// The Hangul right before a title, with all that may be glued to the name.
fn glued_before(text: &str) -> Syllabic {
    let run = text.chars().rev().take(GLUED);
    let mut word: Syllabic = run.take_while(|one| is_hangul(*one)).collect();
    word.reverse();
    word
}

/// The longest name with the greeting before it.
const GLUED: usize = 12;

fn length_of(word: &[char]) -> usize {
    word.iter().map(|one| one.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let places = |words: &'static [String]| {
            words
                .iter()
                .flat_map(move |word| text.match_indices(word.as_str()))
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
        check("정동진 님", Some("정동진"));
        check("이민 님", Some("이민"));
        check("이영희 팀장님께 전달", Some("이영희"));
    }

    #[test]
    fn labelled_people_have_names() {
        check(r#"{"holder":"황보채원"}"#, Some("황보채원"));
        check("예금주: 진경희", Some("진경희"));
        check("성명 김철수", Some("김철수"));
        check("이름: 전성민", Some("전성민"));
        check("예금주: 주재원", Some("주재원"));
    }

    #[test]
    fn marks_and_greetings_stand_between_names_and_titles() {
        check("“박서진” 님", Some("박서진"));
        check("<b>한가람</b>님 환영", Some("한가람"));
        check("*편도윤* 님 결재", Some("편도윤"));
        check("안녕하세요김다은님", Some("김다은"));
        check("개발2팀이서현님", Some("이서현"));
        check("수신자남궁민수님", Some("남궁민수"));
        check("고객님들 모두", None);
        check("(필수) 님", None);
        check("지도교수님", None);
    }

    #[test]
    fn more_labels_have_names_behind_them() {
        check("견적 수신: 고은별 귀하", Some("고은별"));
        let address = "서울시 101호 강지우 귀하";
        let closing = address.find(" 귀하").unwrap();
        let found = before_title(address, closing, address.len()).unwrap();
        assert_eq!(&address[found.range], "강지우");
        check("등록자명 함서윤", Some("함서윤"));
        check("fn:박진실", Some("박진실"));
        check("author = {김다현}", Some("김다현"));
        check(r#"{\"name\":\"송하늘\"}"#, Some("송하늘"));
        check("이름은 위도연", Some("위도연"));
        check("을: 정하린 (1970", Some("정하린"));
        for text in [
            "대표자: 공란",
            "수령인: 경비실",
            "제품명: 고구마",
            r#"{"name":"유자청","price":9000}"#,
            r#"{"product":{"name":"강정민"}}"#,
        ] {
            check(text, None);
        }
    }

    #[test]
    fn people_say_who_they_are_behind_a_greeting() {
        let find = |text: &str| {
            let end = text.find("안녕하세요").unwrap() + "안녕하세요".len();
            introduced(text, end).map(|hit| text[hit.range].to_owned())
        };
        let said = find("안녕하세요, 어제 전화드린 편지훈입니다.");
        assert_eq!(said.as_deref(), Some("편지훈"));
        assert_eq!(find("안녕하세요 용하늘입니다").as_deref(), Some("용하늘"));
        assert_eq!(find("안녕하세요, 고객센터입니다"), None);
        assert_eq!(find("안녕하세요. 오늘은 첫 모임입니다"), None);
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

    #[test]
    fn people_are_named_by_what_they_do() {
        check("토론자 경도연, 장소 미정", Some("경도연"));
        check("임대인 모진혁 임차인 예소담", Some("모진혁"));
        check("회의 참석자(5명): 김로하", Some("김로하"));
        check("감독 피은호의 새 영화", Some("피은호"));
        check("작성 장혜윤 검토 중", Some("장혜윤"));
        check("상담원 최은정입니다", Some("최은정"));
        check("성 명 : 나 도 균 생일", Some("나 도 균"));
        check("유채린(27) 씨는", Some("유채린"));
        check("남이현 군수는 축사를", Some("남이현"));
        check("변은별 학생이 당선", Some("변은별"));
        check("가해자 이시아, 장소 미정", Some("이시아"));
        check("배송기사 구수호 010-1", Some("구수호"));
        check("반장은 구수호, 총무는", Some("구수호"));
        check("옆집 구수호 아저씨가", Some("구수호"));
    }

    #[test]
    fn words_before_titles_and_behind_roles_are_no_names() {
        for text in [
            "방대한 양의 데이터",
            "설정한 고객과",
            "어떤 함수가 책임 소재를",
            "주제별 대표 문서",
            "이용자 보호 방안",
            "일반적인 추상화입니다",
            "숫자 기재하는 것과",
            "민성한의원 예약",
            "권한 구조: 주필",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn nouns_end_otherwise_than_names() {
        let is = |word: &str| is_full(&word.chars().collect::<Vec<char>>());
        for name in [
            "김윤서",
            "박지원",
            "이지은",
            "최은성",
            "강가은",
            "선우지아",
            "홍길동",
            "김태형",
            "이만식",
            "박지후",
            "정은실",
        ] {
            assert!(is(name), "{name}");
        }
        for noun in [
            "제안서",
            "공무원",
            "안정성",
            "전화로",
            "주민들",
            "정지해",
            "이동식",
            "서초동",
            "전산실",
            "강남구",
        ] {
            assert!(!is(noun), "{noun}");
        }
    }
}
