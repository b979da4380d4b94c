//! Nothing but signatures, with a key pair that was parsed once (RFC 8032, FIPS 186-5).

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use oauth::jws::Algorithm;

use crate::machine::processor_time;
use crate::material::Signer;

/// Signatures between two looks at the clock.
const BATCH: u32 = 64;

/// Signs `message` for so many seconds, and prints the microseconds of time and of processor time that
/// each signature took.
pub(super) fn run(algorithm: Algorithm, message: &str, seconds: u64) -> anyhow::Result<()> {
    let signer = Signer::new(algorithm)?;
    let batch = || -> anyhow::Result<()> {
        for _ in 0..BATCH {
            black_box(signer.sign(black_box(message.as_bytes()))?);
        }
        Ok(())
    };
    batch()?;
    let (duration, mut count) = (Duration::from_secs(seconds), 0_u32);
    let (began, processor) = (Instant::now(), processor_time("self")?);
    while began.elapsed() < duration {
        batch()?;
        count += BATCH;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    let processor = processor_time("self")?.saturating_sub(processor);
    Ok(writeln!(
        std::io::stdout(),
        "{} {}",
        each(began.elapsed()),
        each(processor)
    )?)
}
