//! Which rules are about an operation, remembered for as many operations as there is room for.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use super::operation::{Item, Subject};
use super::rule::Rule;
use super::verdict::Verdict;

/// How many parts the memory has, each with a lock of its own.
const SHARDS: usize = 16;

/// How much each part remembers. Callers choose names, so there must be an end.
const PER_SHARD: usize = 512;

/// The longest name that is remembered.
const LONGEST: usize = 512;

/// A rule that is about an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Its place among the rules.
    pub(super) rule: usize,
    /// Whether it is about all of it, and not about some resources of a template.
    pub(super) is_certain: bool,
}

/// The memory.
#[derive(Debug)]
pub(super) struct Index {
    hasher: RandomState,
    shards: [RwLock<HashMap<u64, Entry>>; SHARDS],
}

/// What is remembered under a hash, with the names themselves, since hashes may be alike.
#[derive(Debug)]
struct Entry {
    upstream: Box<str>,
    method: Box<str>,
    kind: Kind,
    name: Box<str>,
    candidates: Arc<[Candidate]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Tool,
    Prompt,
    Resource,
    Template,
    Protocol,
    Other,
}

fn parts<'a>(subject: &Subject<'a>) -> (Kind, &'a str) {
    match subject.item {
        Item::Tool(name) => (Kind::Tool, name),
        Item::Prompt(name) => (Kind::Prompt, name),
        Item::Resource(name) => (Kind::Resource, name),
        Item::Template(name) => (Kind::Template, name),
        Item::Protocol => (Kind::Protocol, ""),
        Item::Nameless | Item::Unknown => (Kind::Other, ""),
    }
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
        }
    }

    /// The rules about an operation, in their order.
    pub(super) fn candidates(
        &self,
        rules: &[Rule],
        upstream: &str,
        subject: &Subject<'_>,
    ) -> Arc<[Candidate]> {
        let (kind, name) = parts(subject);
        let method = subject.method;
        if name.len() > LONGEST || method.len() > LONGEST {
            return find(rules, upstream, subject);
        }
        let hash = self.hasher.hash_one((upstream, method, kind, name));
        // The low bits choose the part; the map hashes the number again.
        let shard = &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()];
        let remembered = shard.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = remembered.get(&hash)
            && (&*entry.name, &*entry.method, &*entry.upstream) == (name, method, upstream)
            && entry.kind == kind
        {
            return Arc::clone(&entry.candidates);
        }
        drop(remembered);
        let candidates = find(rules, upstream, subject);
        let entry = Entry {
            upstream: upstream.into(),
            method: method.into(),
            kind,
            name: name.into(),
            candidates: Arc::clone(&candidates),
        };
        let mut remembered = shard.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= PER_SHARD {
            remembered.clear();
        }
        remembered.insert(hash, entry);
        candidates
    }
}

fn find(rules: &[Rule], upstream: &str, subject: &Subject<'_>) -> Arc<[Candidate]> {
    let about = rules.iter().enumerate().filter_map(|(rule, settings)| {
        let is_certain = match settings.is_about(upstream, subject) {
            Verdict::Holds => true,
            Verdict::Unknown => false,
            Verdict::Fails | Verdict::Broken => return None,
        };
        Some(Candidate { rule, is_certain })
    });
    about.collect()
}
