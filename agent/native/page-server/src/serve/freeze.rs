//! The guest stands at the source: what its memory is from here on.

use std::io;

use serde_json::{Value, json};

use super::plan::Plan;
use super::release::{LACKS, Release};
use super::{Serve, give};
use crate::bitmap::Bitmap;
use crate::conn::lock;
use crate::sys::file;

impl Serve {
    /// Its map, in which order it goes, and what of it the target has already. Refused (`frozen`) the second time.
    pub(super) fn freeze(&self) -> Result<Value, (&'static str, String)> {
        let Some(ram) = &self.ram else {
            return Err(("engine", "pre-copy has no pages to freeze".to_owned()));
        };
        let _one_at_a_time = lock(&self.freezing);
        if lock(&self.state).plan.is_some() {
            return Err(("frozen", "the memory is frozen already".to_owned()));
        }
        let fault = |error: io::Error| {
            (
                "ram",
                format!("{}: {error}", self.session.ram_file.display()),
            )
        };
        self.last_sample();
        let (pages, page) = (self.session.pages(), self.session.page_bytes);
        let (mut map, extents) = file::data_pages(ram, pages, page).map_err(fault)?;
        let mut release = Release::new(pages);
        let kept = give::kept(&self.session.dir, pages).map_err(fault)?;
        let took_over = kept.is_some();
        if let Some((known, given)) = kept {
            map = known; // holes that a page server which is dead has made are no zeros
            release.given(given);
        }
        let data_pages = map.ones();
        let (stale, there, hot, written) = match self.cool(&map) {
            Some(cooled) => {
                let (hot, written) = (cooled.hot, cooled.written_pages);
                (Some(cooled.stale), Some(cooled.there), hot, written)
            }
            None => (None, None, self.hottest(), self.written_pages()),
        };
        let hot_blocks = hot.len();
        let mut state = lock(&self.state);
        if !took_over {
            let dir = &self.session.dir;
            let fault = |error| ("ram", format!("{}: {error}", dir.display()));
            give::keep(dir, &map).map_err(fault)?;
        }
        let (first, order) = (&self.session.device_load_pages, self.session.order);
        let mut plan = Plan::new(map, first, order, hot);
        if let Some(there) = there {
            plan.resume(&there); // what went ahead and still holds
        } else if let Some(settled) = &state.settled {
            // Frozen before, by a page server that is dead.
            if !release.resume(&plan.map, settled) {
                return Err(("ram", LACKS.to_owned()));
            }
            plan.resume(settled);
        }
        state.plan = Some(plan);
        state.release = Some(release);
        state.lost = Some(Bitmap::new(pages));
        state.switched = took_over;
        state.stale = stale;
        lock(&self.stats).data_pages = data_pages;
        self.changed.notify_all();
        Ok(json!({
            "dataBytes": data_pages * page,
            "extents": extents,
            "hotBlocks": hot_blocks,
            "writtenPages": written,
        }))
    }
}
