//! Tables in text: lines of cells, whose first line says what stands in the columns.

use std::ops::Range;

use crate::context::{Label, of_heading};
use crate::name;
use crate::secret;

/// What stands between cells.
const DELIMITERS: [u8; 4] = [b',', b'\t', b'|', b';'];
/// The longest first line, the most columns and the longest cell that are looked at.
const LONGEST_LINE: usize = 1024;
const MOST_COLUMNS: usize = 64;
const LONGEST_CELL: usize = 128;
const LONGEST_HEADING: usize = 40;

/// Headings of columns of things.
const OF_THINGS: [&str; 10] = [
    "수량",
    "가격",
    "단가",
    "재고",
    "판매가",
    "price",
    "qty",
    "quantity",
    "stock",
    "sku",
];

/// A table below a line of headings.
pub(crate) struct Table<'t> {
    text: &'t str,
    delimiter: u8,
    /// The columns whose heading is a label, with what it is.
    columns: Vec<(usize, &'t str, Column)>,
    count: usize,
    /// Where the line behind the first begins.
    rows: usize,
}

/// What a heading is a label of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Secret,
    Number,
    /// Of numbers that are nobody's.
    Harmless,
}

/// Looks for tables, from line to line.
pub(crate) struct Tables<'t> {
    text: &'t str,
    at: usize,
    /// Where the next semicolon is that was looked for: a text without any is read once for it.
    semicolon: usize,
    /// The delimiter of the line before, how often it stood there, and where the line ended: only where that
    /// changes, a table may begin.
    before: (u8, usize, usize),
}

impl<'t> Tables<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let has_lines = memchr::memchr(b'\n', text.as_bytes()).is_some();
        Self {
            text,
            at: if has_lines { 0 } else { text.len() },
            semicolon: 0,
            before: (0, 0, 0),
        }
    }

    /// The next table. The search goes on where its reader says that it ends.
    pub(crate) fn next(&mut self) -> Option<Table<'t>> {
        let bytes = self.text.as_bytes();
        loop {
            let found = self.delimiter()?;
            let far = found.saturating_sub(LONGEST_LINE).max(self.at);
            let start = memchr::memrchr(b'\n', &bytes[far..found]).map_or(far, |at| far + at + 1);
            let heading = line(bytes, start)?;
            self.at = heading.end + 1;
            let (delimiter, count) = most(&bytes[heading.clone()]);
            let goes_on = self.before == (delimiter, count, start);
            self.before = (delimiter, count, self.at);
            if goes_on || heading.len() > LONGEST_LINE || count >= MOST_COLUMNS {
                continue;
            }
            let next = line(bytes, self.at)?;
            if memchr::memchr_iter(delimiter, &bytes[next]).count() == count
                && let Some(table) = Table::below(self.text, heading, delimiter)
            {
                return Some(table);
            }
        }
    }

    /// The table that was found ends at `at`.
    pub(crate) fn go_on(&mut self, at: usize) {
        self.at = at;
        self.before = (0, 0, 0);
    }

    fn delimiter(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        if self.semicolon < self.at || self.semicolon == 0 {
            let rest = bytes.get(self.at..)?;
            self.semicolon = self.at + memchr::memchr(b';', rest).unwrap_or(rest.len());
        }
        let rest = bytes.get(self.at..self.semicolon)?;
        let found = memchr::memchr3(b',', b'\t', b'|', rest);
        let found = self.at + found.unwrap_or(rest.len());
        (found < bytes.len()).then_some(found)
    }
}

/// Which delimiter a line has most of, and how many.
fn most(line: &[u8]) -> (u8, usize) {
    let count = |one: u8| memchr::memchr_iter(one, line).count();
    let counts = DELIMITERS.map(|one| (one, count(one)));
    counts
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .unwrap_or_default()
}

impl<'t> Table<'t> {
    /// The table below a line, if that has headings.
    fn below(text: &'t str, heading: Range<usize>, delimiter: u8) -> Option<Self> {
        let mut columns = Vec::new();
        let mut count = 0;
        let mut filled = 0;
        for cell in cells(text, heading.clone(), delimiter) {
            let cell = &text[cell];
            filled += usize::from(!cell.is_empty());
            if !is_heading(cell) {
                return None;
            }
            if let Some(column) = column(cell) {
                columns.push((count, cell, column));
            }
            count += 1;
        }
        // Things have names as well, beside prices and quantities.
        if cells(text, heading.clone(), delimiter).any(|cell| OF_THINGS.contains(&&text[cell])) {
            columns.retain(|(_, heading, _)| !matches!(*heading, "이름" | "name"));
        }
        (filled > 1 && !columns.is_empty()).then_some(Self {
            text,
            delimiter,
            columns,
            count,
            rows: heading.end + 1,
        })
    }

    /// Hands out every cell below a label with its heading, and says where the table ends.
    pub(crate) fn each(&self, mut found: impl FnMut(&'t str, Column, Range<usize>)) -> usize {
        let mut at = self.rows;
        while let Some(line) = line(self.text.as_bytes(), at) {
            let mut count = 0;
            let mut of_row = [const { 0..0 }; MOST_COLUMNS];
            for cell in cells(self.text, line.clone(), self.delimiter) {
                if count == MOST_COLUMNS {
                    return at;
                }
                of_row[count] = cell;
                count += 1;
            }
            if count != self.count {
                break;
            }
            for (column, heading, kind) in &self.columns {
                let cell = of_row[*column].clone();
                if fits(*kind, &self.text[cell.clone()]) {
                    found(heading, *kind, cell);
                }
            }
            at = line.end + 1;
        }
        at
    }
}

/// Whether a cell may be a heading: a word or a few, and nothing of a value.
fn is_heading(cell: &str) -> bool {
    cell.len() <= LONGEST_HEADING
        && !cell
            .bytes()
            .any(|byte| matches!(byte, b':' | b'=' | b'"' | b'{' | b'@'))
        && cell.bytes().filter(u8::is_ascii_digit).count() < 3
}

/// The line that begins at `start`, if there is one.
fn line(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
    Some(start..start + memchr::memchr(b'\n', rest).unwrap_or(rest.len()))
}

/// The cells of a line without the spaces and quotes around them.
fn cells(text: &str, line: Range<usize>, delimiter: u8) -> impl Iterator<Item = Range<usize>> {
    let mut at = line.start;
    text[line].split(char::from(delimiter)).map(move |cell| {
        let trimmed = cell.trim_matches([' ', '"', '\'', '\r', '*', '\t']);
        let start = at + (trimmed.as_ptr() as usize - cell.as_ptr() as usize);
        at += cell.len() + 1;
        start..start + trimmed.len()
    })
}

fn column(heading: &str) -> Option<Column> {
    let is = |words: &[&str]| words.iter().any(|word| heading.eq_ignore_ascii_case(word));
    if name::is_label(&heading.to_ascii_lowercase()) {
        return Some(Column::Name);
    }
    if is(&secret::NAMES) {
        return Some(Column::Secret);
    }
    match of_heading(heading)? {
        Label::Harmless => Some(Column::Harmless),
        Label::Event => None,
        _ => Some(Column::Number),
    }
}

/// Whether a cell may hold what its heading says.
fn fits(column: Column, cell: &str) -> bool {
    let digits = || cell.bytes().filter(u8::is_ascii_digit).count();
    (4..=LONGEST_CELL).contains(&cell.len())
        && match column {
            Column::Name => !cell.is_ascii(),
            Column::Secret => true,
            Column::Number => digits() >= 4,
            Column::Harmless => digits() >= 7,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        if let Some(table) = Tables::of(text).next() {
            table.each(|heading, _, cell| all.push((heading.to_owned(), text[cell].to_owned())));
        }
        all
    }

    #[test]
    fn cells_have_the_label_above_them() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        let table = "no,이름,계좌번호\n1,홍길동,\"110-123-456789\"\n2,김철수,-\n";
        let expect = [
            pair("이름", "홍길동"),
            pair("계좌번호", "110-123-456789"),
            pair("이름", "김철수"),
        ];
        assert_eq!(found(table), expect);
        let lines = "| 이름 | 직급 |\n|---|---|\n| 홍길동 | 과장 |";
        assert_eq!(found(lines), [pair("이름", "홍길동")]);
    }

    #[test]
    fn a_table_has_lines_of_as_many_cells() {
        assert_eq!(found("이름, 전화\n홍길동"), []);
        assert_eq!(found("이름을, 전화\n홍길동, 1"), []);
        assert_eq!(found("이름, 전화"), []);
    }

    #[test]
    fn a_cell_is_read_as_if_its_heading_stood_before_it() {
        let find = |text: &str| {
            let found = crate::scanner::Scanner::new().scan(text).into_iter();
            found.map(|finding| finding.value).collect::<Vec<_>>()
        };
        let secret = "6bebe2c76237ad919b2304c3ed152e7f";
        assert_eq!(find(&format!("user_id,api_key\nu1,{secret}\n")), [secret]);
        assert_eq!(
            find("이름;계좌\n김리아;110-576-229275"),
            ["김리아", "110-576-229275"]
        );
        // The first column of the first row has no neighbour on its left, and every row has the same headings.
        let (card, firms) = ("4539578763621486", ["1208147521", "2208162517"]);
        assert_eq!(find(&format!("카드번호,금액\n{card},55000")), [card]);
        assert_eq!(
            find("ip\tcount\n211.45.7.9\t33\n1.2.3.4\t5\n"),
            ["211.45.7.9", "1.2.3.4"]
        );
        let list = format!("사업자번호,상호\n{},다온\n{},나래\n", firms[0], firms[1]);
        assert_eq!(find(&list), firms);
        let orders = format!("주문번호|상태\n{card}|배송\n");
        assert_eq!(find(&orders).len(), 0);
        // Things have names as well.
        assert_eq!(find("이름,수량,가격\n이어폰,10,500\n").len(), 0);
    }
}
