//! Memory: how much this process uses, and how much it may (proc(5), cgroups v2).

use std::fs;

use async_trait::async_trait;

use super::Check;

/// Above this share of what it may use, the system is about to end the process.
const FULL_PERCENT: u64 = 95;

/// Linux has pages of this size on every machine that we build for.
const PAGE: u64 = 4096;

/// The memory of this process that is in use, in bytes; `None` where the system does not say.
pub(crate) fn resident_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}

/// What the container may use; `None` without a limit.
fn limit() -> Option<u64> {
    let text = fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?;
    text.trim().parse().ok()
}

/// Whether there is memory left.
#[derive(Debug)]
pub(crate) struct Memory;

#[async_trait]
impl Check for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn is_vital(&self) -> bool {
        false
    }

    async fn run(&self) -> Result<(), String> {
        enough(resident_memory(), limit())
    }
}

fn enough(used: Option<u64>, limit: Option<u64>) -> Result<(), String> {
    match (used, limit) {
        (Some(used), Some(limit)) if used > limit / 100 * FULL_PERCENT => {
            Err(format!("{used} of {limit} bytes are in use"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_full_shortly_before_the_limit() {
        assert!(enough(Some(950), Some(1000)).is_ok());
        assert!(enough(Some(951), Some(1000)).is_err());
        assert!(enough(Some(951), None).is_ok());
        assert!(enough(None, Some(1000)).is_ok());
        assert!(resident_memory().is_none_or(|bytes| bytes > 1_000_000));
    }
}
