//! Charts as SVG: no script, no font, no network; the page's own colours.

#![expect(
    clippy::cast_precision_loss,
    reason = "a pixel is coarser than any number that is drawn"
)]

use std::fmt::Write as _;

use super::Slot;

const WIDTH: usize = 720;
const HEIGHT: usize = 200;
const LEFT: usize = 44;
const BOTTOM: usize = 24;

/// Calls over time: one column per slot, stacked.
pub(super) fn columns(series: &[Slot], labels: [&str; 3]) -> String {
    let total = |slot: &Slot| slot.success + slot.failure + slot.denied;
    let most = nice(series.iter().map(total).max().unwrap_or(0));
    let plot = HEIGHT - BOTTOM - 8;
    let mut svg = String::new();
    let _ = write!(
        svg,
        r#"<svg class="columns" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="xMidYMid meet">"#
    );
    for step in 0..=4 {
        let y = 8 + plot - plot * step / 4;
        let value = short(most * step as u64 / 4);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y}" y2="{y}"/><text class="tick" x="{}" y="{}" text-anchor="end">{value}</text>"#,
            LEFT - 6,
            y + 4
        );
    }
    let count = series.len().max(1);
    let room = (WIDTH - LEFT) as f64 / count as f64;
    let width = (room * 0.72).clamp(1.0, 36.0);
    let every = count.div_ceil(10);
    for (n, slot) in series.iter().enumerate() {
        let x = LEFT as f64 + room * n as f64 + (room - width) / 2.0;
        let mut y = (8 + plot) as f64;
        let _ = write!(svg, "<g><title>{}", slot.start);
        let parts = [
            ("ok", slot.success),
            ("bad", slot.failure),
            ("no", slot.denied),
        ];
        for ((_, value), label) in parts.iter().zip(labels) {
            if *value > 0 {
                let _ = write!(svg, " · {value} {label}");
            }
        }
        svg.push_str("</title>");
        for (class, value) in parts {
            let height = plot as f64 * value as f64 / most.max(1) as f64;
            if value == 0 {
                continue;
            }
            y -= height;
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
            );
        }
        svg.push_str("</g>");
        if n % every == 0 {
            let label = slot.start.get(5..).unwrap_or(&slot.start).replace('T', " ");
            let hour = if slot.start.len() > 10 { "h" } else { "" };
            // On a small screen every other one has room.
            let class = if n / every % 2 == 1 { " between" } else { "" };
            let _ = write!(
                svg,
                r#"<text class="tick{class}" x="{:.1}" y="{}" text-anchor="middle">{label}{hour}</text>"#,
                x + width / 2.0,
                HEIGHT - 6
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// A bar of one colour per part, as long as its share of `most`.
pub(super) fn bar(parts: &[(&str, u64)], most: u64) -> String {
    let mut svg = String::from(
        r#"<svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" role="presentation">"#,
    );
    let mut x = 0.0;
    for (class, value) in parts {
        if *value == 0 {
            continue;
        }
        let width = 1000.0 * *value as f64 / most.max(1) as f64;
        let _ = write!(
            svg,
            r#"<rect class="{class}" x="{x:.1}" y="0" width="{width:.1}" height="12"/>"#
        );
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

/// The next number above that reads well and can be halved twice.
fn nice(most: u64) -> u64 {
    let mut step = 4;
    loop {
        for factor in [1, 2, 3, 5] {
            if step * factor >= most {
                return step * factor;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// A large number in few characters.
fn short(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{}k", number / 1000),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
}
