//! Names for requests that must not be done twice, and chance for waits.
#![forbid(unsafe_code)]

use crate::fork::Process;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Makes keys that no other client makes, without asking the system for each.
pub(crate) struct Keys(Mutex<Source>);

struct Source {
    seed: [u8; 16],
    /// What all keys begin with.
    prefix: String,
    count: u64,
    /// A forked child has the same seed and count: it takes a new seed.
    made_in: Process,
}

impl Keys {
    pub fn new() -> Keys {
        Keys(Mutex::new(Source::new()))
    }

    /// A key for `Idempotency-Key`.
    pub fn next(&self) -> String {
        let source = self.step();
        format!("{}{:x}", source.prefix, source.count)
    }

    /// A number from [0, 1).
    pub fn random(&self) -> f64 {
        let (seed, count) = {
            let source = self.step();
            (source.seed, source.count)
        };
        // SplitMix64, by Sebastiano Vigna: every count another, well mixed number.
        let mut x = (u128::from_be_bytes(seed) as u64).wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn step(&self) -> MutexGuard<'_, Source> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if source.made_in != Process::current() {
            *source = Source::new();
        }
        source.count += 1;
        source
    }
}

impl Source {
    fn new() -> Source {
        let seed = seed();
        Source {
            seed,
            prefix: format!("libkuai-{:032x}-", u128::from_be_bytes(seed)),
            count: 0,
            made_in: Process::current(),
        }
    }
}

fn seed() -> [u8; 16] {
    let mut seed = [0; 16];
    if rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut seed)
        .is_err()
    {
        // Without the system's randomness, time and process still tell clients apart.
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        seed = (now ^ (u128::from(std::process::id()) << 96)).to_be_bytes();
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_random_numbers_stay_in_their_range() {
        let (a, b) = (Keys::new(), Keys::new());
        let keys: std::collections::HashSet<_> = (0..100).flat_map(|_| [a.next(), b.next()]).collect();
        assert_eq!(keys.len(), 200);
        let numbers: Vec<f64> = (0..1000).map(|_| a.random()).collect();
        assert!(numbers.iter().all(|n| (0.0..1.0).contains(n)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
