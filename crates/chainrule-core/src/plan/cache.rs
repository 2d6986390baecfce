//! Plans by the structure they were made for.
//!
//! The key is the whole sketch as a list of words, compared in full: a hash only finds the place.

use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHasher};

use super::Plan;

/// The cache is emptied when the keys in it grow beyond this many words (64 MiB).
const LIMIT: usize = 8 << 20;

type Entry = (Box<[u64]>, Arc<Plan>);

struct Cache {
    plans: FxHashMap<u64, Vec<Entry>>,
    words: usize,
}

static CACHE: Mutex<Option<Cache>> = Mutex::new(None);

/// The plan for `key`, made by `plan` if there is none yet.
pub(crate) fn get(key: &[u64], plan: impl FnOnce() -> Plan) -> Arc<Plan> {
    let mut hasher = FxHasher::default();
    for &word in key {
        hasher.write_u64(word);
    }
    let hash = hasher.finish();
    let mut guard = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = guard.get_or_insert_with(|| Cache { plans: FxHashMap::default(), words: 0 });
    if let Some(list) = cache.plans.get(&hash)
        && let Some((_, found)) = list.iter().find(|(k, _)| **k == *key)
    {
        return found.clone();
    }
    let plan = Arc::new(plan());
    if cache.words + key.len() > LIMIT {
        cache.plans.clear();
        cache.words = 0;
    }
    cache.words += key.len();
    cache.plans.entry(hash).or_default().push((key.into(), plan.clone()));
    plan
}
