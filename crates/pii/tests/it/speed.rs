//! How fast the scanner is; run with `cargo test --release -p pii speed -- --nocapture`.

use std::time::{Duration, Instant};

use pii::Scanner;

use crate::generator::samples;

/// The shortest of some runs, as what else runs here only makes it longer.
fn shortest(mut run: impl FnMut()) -> Duration {
    let time = |()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    [(); 7].map(time).into_iter().min().unwrap()
}

fn megabytes_per_second(scanner: &Scanner, text: &str) -> f64 {
    let time = shortest(|| {
        std::hint::black_box(scanner.scan(std::hint::black_box(text)));
    });
    text.len() as f64 / 1e6 / time.as_secs_f64()
}

#[test]
fn speed() {
    let scanner = Scanner::new();
    let line = "고객 김민수님(010-1234-5678)의 주문 20260101-1234567, 문의는 kim.ms@naver.com 으로 부탁드립니다.";
    let time = shortest(|| {
        for _ in 0..1000 {
            std::hint::black_box(scanner.scan(std::hint::black_box(line)));
        }
    });
    println!("{} bytes: {:?}", line.len(), time / 1000);
    let plain = "The quick brown fox jumps over 12 lazy dogs, and nobody is hurt by it at all. ";
    let korean = "오늘 회의에서는 다음 분기의 계획과 예산을 함께 살펴보기로 했습니다. ";
    let log = "2026-11-21 04:51:35 INFO request done status=200 duration_ms=17 path=/v1/items/42 size=1024\n";
    for (name, text) in [("English", plain), ("Korean", korean), ("log", log)] {
        let text = text.repeat(1_000_000 / text.len());
        println!("{name}: {:.0} MB/s", megabytes_per_second(&scanner, &text));
    }
    let dense: Vec<String> = samples(1, 40)
        .into_iter()
        .map(|sample| sample.text)
        .collect();
    let dense = dense.join("\n");
    println!("dense: {:.0} MB/s", megabytes_per_second(&scanner, &dense));
    let hostile = [
        "1 ",
        "a@",
        "1.1.1.",
        "sk-",
        "token=",
        "님 ",
        "김민수님",
        "%41",
        "&#6",
        "::",
        "eyJ.",
        "-----BEGIN PRIVATE KEY-----",
        "{\"a\":",
        "0-",
        "1(",
        "////",
        "://a:",
    ];
    for piece in hostile {
        let text = piece.repeat(1_000_000 / piece.len());
        println!("{piece}: {:.0} MB/s", megabytes_per_second(&scanner, &text));
    }
}
