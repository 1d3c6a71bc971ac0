//! Pages of the pattern laid over a piece of memory, with the table of versions that they must have.
//!
//! The table lies in the same memory, behind the pages: in a guest both move together, yet a page left behind at an
//! older version no longer agrees with it.

use crate::pattern::{self, PAGE_BYTES, PAGE_WORDS};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const VERSION_BYTES: usize = 4;
const VERSIONS_PER_PAGE: usize = PAGE_BYTES / VERSION_BYTES;

/// Which pages of the memory (table included) were written since someone last looked.
pub struct Dirty(Box<[AtomicBool]>);

impl Dirty {
    /// A map of `pages`, none of them dirty.
    pub fn new(pages: usize) -> Self {
        Self((0..pages).map(|_| AtomicBool::new(false)).collect())
    }

    /// To be called after the write: a copy made in between is then made again.
    pub fn mark(&self, page: usize) {
        self.0[page].store(true, Ordering::Release);
    }

    /// True when the page was dirty; it is clean from here on.
    pub fn take(&self, page: usize) -> bool {
        self.0[page].swap(false, Ordering::Acquire)
    }

    /// Number of dirty pages.
    pub fn count(&self) -> usize {
        self.0
            .iter()
            .filter(|page| page.load(Ordering::Relaxed))
            .count()
    }
}

/// Memory under the pattern. One thread at a time may use it.
pub struct Pool {
    base: *mut u8,
    capacity: usize,
    filled: usize,
    seed: u64,
    dirty: Option<Arc<Dirty>>,
}

// SAFETY: the pool is the only writer of its memory (a condition of `over`) and moves between threads as a whole.
unsafe impl Send for Pool {}

impl Pool {
    /// How many pages of pattern fit into `bytes`, the table taken off.
    pub fn capacity_of(bytes: usize) -> usize {
        let pages = bytes / PAGE_BYTES;
        pages - pages.div_ceil(VERSIONS_PER_PAGE + 1)
    }

    /// Bytes that a pool of `pages` needs, its table included.
    pub fn bytes_for(pages: usize) -> usize {
        (pages + pages.div_ceil(VERSIONS_PER_PAGE)) * PAGE_BYTES
    }

    /// A pool over `bytes` at `base`, of which `filled` pages are (or will have been) written.
    ///
    /// # Safety
    /// `base` is page aligned; the memory is mapped, readable and writable, for as long as the pool lives; nobody else
    /// writes it. Others may read it, and see pages half written.
    pub unsafe fn over(
        base: *mut u8,
        bytes: usize,
        seed: u64,
        filled: usize,
        dirty: Option<Arc<Dirty>>,
    ) -> Self {
        let capacity = Self::capacity_of(bytes);
        assert!((base as usize).is_multiple_of(PAGE_BYTES) && filled <= capacity);
        Self {
            base,
            capacity,
            filled,
            seed,
            dirty,
        }
    }

    /// Most pages that can be filled.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Pages that carry the pattern: `0..filled`.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Seed of all bodies.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Writes pages `0..pages`, all at version 1, of words that come again (`text`) or of noise. `pages` must not exceed the
    /// capacity.
    pub fn fill(&mut self, pages: usize, text: bool) {
        assert!(pages <= self.capacity);
        self.filled = pages;
        let kind = if text { pattern::TEXT } else { 0 };
        (0..pages).for_each(|index| self.put(index, kind | 1));
    }

    /// True when the page holds what was last written there.
    pub fn check(&self, index: usize) -> bool {
        assert!(index < self.filled);
        // SAFETY: index < filled <= capacity, so the page lies within the memory promised to `over`.
        let page = unsafe {
            &*self
                .base
                .add(index * PAGE_BYTES)
                .cast::<[u64; PAGE_WORDS]>()
        };
        pattern::check(
            page,
            self.seed,
            index as u64,
            u64::from(self.version(index)),
        )
    }

    /// Writes the page anew, of the same kind, with a higher version (after 2^31 writes it starts again at 1; 0 never is one).
    pub fn rewrite(&mut self, index: usize) {
        assert!(index < self.filled);
        let version = self.version(index);
        let kind = version & pattern::TEXT;
        let next = (version ^ kind).wrapping_add(1) & !pattern::TEXT;
        self.put(index, kind | next.max(1));
    }

    fn version_at(&self, index: usize) -> *mut u32 {
        // SAFETY: index < capacity, and `capacity_of` left room for a table of `capacity` entries behind the pages.
        unsafe {
            self.base
                .add(self.capacity * PAGE_BYTES)
                .cast::<u32>()
                .add(index)
        }
    }

    fn version(&self, index: usize) -> u32 {
        // SAFETY: `version_at` points into the table, aligned to 4 since the table starts on a page.
        unsafe { self.version_at(index).read() }
    }

    fn put(&mut self, index: usize, version: u32) {
        // SAFETY: as in `check`; the pool is the only writer, and `&mut self` makes this the only use of the page.
        let page = unsafe {
            &mut *self
                .base
                .add(index * PAGE_BYTES)
                .cast::<[u64; PAGE_WORDS]>()
        };
        pattern::write(page, self.seed, index as u64, u64::from(version));
        // SAFETY: as in `version`.
        unsafe { self.version_at(index).write(version) };
        if let Some(dirty) = &self.dirty {
            dirty.mark(index);
            dirty.mark(self.capacity + index / VERSIONS_PER_PAGE);
        }
    }
}

#[cfg(test)]
impl Pool {
    /// Flips one bit of the page's body.
    pub fn corrupt_for_test(&mut self, index: usize) {
        // SAFETY: as in `put`.
        unsafe { *self.base.add(index * PAGE_BYTES + 1000) ^= 1 };
    }

    /// How often the page was rewritten since the fill.
    pub fn rewrites_for_test(&self, index: usize) -> u64 {
        u64::from(self.version(index)) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(4096))]
    #[derive(Clone)]
    struct Page {
        _bytes: [u8; PAGE_BYTES],
    }

    fn memory(pages: usize) -> Vec<Page> {
        vec![
            Page {
                _bytes: [0; PAGE_BYTES]
            };
            pages
        ]
    }

    fn pool(memory: &mut [Page], dirty: Option<Arc<Dirty>>) -> Pool {
        // SAFETY: the vector is page aligned, outlives the pool in each test, and only the pool writes it meanwhile.
        unsafe {
            Pool::over(
                memory.as_mut_ptr().cast(),
                std::mem::size_of_val(memory),
                42,
                0,
                dirty,
            )
        }
    }

    #[test]
    fn pages_and_table_share_the_memory_without_waste() {
        for pages in [1, 2, 3, 1024, 1025, 1026, 5000] {
            let capacity = Pool::capacity_of(pages * PAGE_BYTES);
            assert!(Pool::bytes_for(capacity) <= pages * PAGE_BYTES, "{pages}");
            assert!(
                Pool::bytes_for(capacity + 1) > pages * PAGE_BYTES,
                "{pages}"
            );
        }
    }

    #[test]
    fn filled_pages_check_and_stay_right_and_what_they_are_when_rewritten() {
        for text in [false, true] {
            let mut memory = memory(20);
            let mut pool = pool(&mut memory, None);
            pool.fill(19, text);
            (0..5).for_each(|_| pool.rewrite(7));
            assert!((0..19).all(|index| pool.check(index)));
            assert!((0..19).all(|index| (pool.version(index) >= pattern::TEXT) == text));
        }
    }

    #[test]
    fn an_older_copy_of_a_page_is_seen() {
        let mut memory = memory(5);
        let mut first = pool(&mut memory, None);
        first.fill(4, false);
        let old = memory[2].clone();
        // SAFETY: as in `pool`; `filled` says what the first pool wrote.
        let mut second =
            unsafe { Pool::over(memory.as_mut_ptr().cast(), 5 * PAGE_BYTES, 42, 4, None) };
        second.rewrite(2);
        assert!(second.check(2));
        memory[2] = old;
        assert!(!second.check(2));
        assert!(second.check(3));
    }

    #[test]
    fn writes_mark_the_page_and_its_entry_in_the_table() {
        let mut memory = memory(5);
        let dirty = Arc::new(Dirty::new(5));
        let mut pool = pool(&mut memory, Some(dirty.clone()));
        pool.fill(3, true);
        assert_eq!(dirty.count(), 4);
        assert!((0..5).filter(|page| dirty.take(*page)).eq([0, 1, 2, 4]));
        pool.rewrite(1);
        assert!(dirty.take(1) && dirty.take(4) && dirty.count() == 0);
    }
}
