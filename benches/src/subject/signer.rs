//! Nothing but signatures, with a key pair that was parsed once (RFC 8032, FIPS 186-5).

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use oauth::jws::Algorithm;

use crate::material::Signer;

/// Signatures between two looks at the clock.
const BATCH: u32 = 64;

/// Signs `message` for so many seconds and prints the nanoseconds that each signature took.
pub(super) fn run(algorithm: Algorithm, message: &str, seconds: u64) -> anyhow::Result<()> {
    let signer = Signer::new(algorithm)?;
    let message = message.as_bytes();
    for _ in 0..BATCH {
        black_box(signer.sign(black_box(message))?);
    }
    let (began, duration, mut count) = (Instant::now(), Duration::from_secs(seconds), 0_u32);
    while began.elapsed() < duration {
        for _ in 0..BATCH {
            black_box(signer.sign(black_box(message))?);
        }
        count += BATCH;
    }
    let each = began.elapsed().as_secs_f64() * 1e9 / f64::from(count);
    Ok(writeln!(std::io::stdout(), "{each}")?)
}
