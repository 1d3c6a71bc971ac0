//! Engine `warm`: pages go ahead of the switch while the guest runs, and what it wrote since is told at the switch
//! (docs/design/warm.md).

use std::io;
use std::time::Instant;

use serde_json::{Value, json};

use super::Serve;
use super::ahead::Ahead;
use super::bulk::Desk;
use super::heat::Heat;
use super::lanes::is_zero;
use super::tracked::Tracked;
use super::watch::tell;
use crate::bitmap::Bitmap;
use crate::conn::{Conn, Pieces, lock};
use crate::frame::Frame;
use crate::link::wrong;
use crate::sys::file::data_pages;

/// Held over a sample and what follows from it: what one look has taken from the kernel no other will see.
pub struct Warm {
    tracked: Tracked,
    heat: Heat,
}

/// What a frozen guest's memory comes to.
pub struct Cooled {
    pub stale: Bitmap,
    pub there: Bitmap,
    pub hot: Vec<u64>,
    pub written_pages: u64,
}

impl Serve {
    /// Begins. Where it cannot be known what the guest writes nothing goes ahead, and the move is a plain post-copy.
    ///
    /// # Errors
    /// The target has the map, or pages that it found in place: the guest stands here by then, and may run there.
    pub(super) fn warm(&self) -> Result<Value, (&'static str, String)> {
        let mut warm = lock(&self.warm);
        let (begun, was_frozen) = {
            let state = lock(&self.state);
            let begun = state.ahead.is_some() || state.plan.is_some();
            (begun, state.was_frozen)
        };
        let Some(ram) = self.ram.as_ref().filter(|_| self.session.warm && !begun) else {
            return Ok(json!({}));
        };
        if was_frozen {
            let what = "the target has pages of this memory already: nothing goes ahead of a switch that has come";
            return Err(("frozen", what.to_owned()));
        }
        let tracked = Tracked::begin(&self.session).and_then(|tracked| {
            let (pages, page) = (self.session.pages(), self.session.page_bytes);
            let (data, _) = data_pages(ram, pages, page).map_err(|error| error.to_string())?;
            Ok((tracked, data))
        });
        match tracked {
            Ok((tracked, data)) => {
                let ahead = Ahead::new(data);
                let is_warm = ahead.warm;
                lock(&self.stats).data_pages = ahead.due();
                *warm = Some(Warm {
                    tracked,
                    heat: Heat::new(self.session.pages()),
                });
                lock(&self.state).ahead = Some(ahead);
                tell(&self.events, None);
                if is_warm {
                    self.is_warm();
                }
                self.changed.notify_all();
            }
            Err(why) => {
                tell(&self.events, Some(why));
                self.is_warm();
            }
        }
        Ok(json!({}))
    }

    fn is_warm(&self) {
        let (passes, due) = match &lock(&self.state).ahead {
            Some(ahead) => (ahead.passes, ahead.due()),
            None => (0, 0),
        };
        let bytes = lock(&self.stats).ahead_bytes;
        self.events.standing(
            json!({ "event": "warmed", "passes": passes, "duePages": due, "aheadBytes": bytes }),
        );
    }

    /// Everything that was due has gone out once.
    pub(super) fn pass_over(&self) {
        let mut warm = lock(&self.warm);
        let Some(warm) = &mut *warm else { return };
        let written = warm.tracked.written();
        let done = {
            let mut guard = lock(&self.state);
            let state = &mut *guard;
            let Some(ahead) = &mut state.ahead else {
                return; // frozen meanwhile, after a sample of its own
            };
            let done = match written {
                Ok(runs) => {
                    warm.heat.add(&runs);
                    ahead.written(&runs);
                    ahead.passed()
                }
                Err(error) => {
                    ahead.blind();
                    tell(&self.events, Some(format!("no further sample: {error}")));
                    true
                }
            };
            if done {
                state.stale_early = Some(ahead.tell_stale());
            }
            done
        };
        if done {
            self.is_warm();
        }
    }

    /// Bytes that went out, packed where that pays: a page of zeros only where the target has something else.
    pub(super) fn send_ahead(
        &self,
        conn: &Conn,
        first: u64,
        count: u64,
        desk: &mut Desk,
    ) -> io::Result<u64> {
        let page_bytes = self.session.page_bytes;
        let size = page_bytes as usize;
        let bytes = desk.buffer.first(count as usize * size);
        if !self.read_pages(first, bytes)? {
            return Ok(0); // frozen meanwhile: with the map they are tried one by one
        }
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let packs = {
            let mut state = lock(&self.state);
            state.credit += (count * page_bytes) as i64;
            let Some(ahead) = &mut state.ahead else {
                return Ok(0); // frozen meanwhile: they go with the map
            };
            for (page, bytes) in (first..).zip(bytes.chunks_exact(size)) {
                if is_zero(bytes) && !ahead.was_sent(page) {
                    continue;
                }
                match runs.last_mut() {
                    Some((at, count)) if *at + *count == page => *count += 1,
                    _ => runs.push((page, 1)),
                }
            }
            state.packs_ahead
        };
        let mut sent = 0;
        for (page, count) in runs {
            let at = (page - first) as usize * size;
            let data = &bytes[at..at + count as usize * size];
            let block = if packs {
                self.pack(data, &mut desk.packer)
            } else {
                None
            };
            let wire = block.unwrap_or(data).len() as u64;
            match &mut lock(&self.state).ahead {
                Some(ahead) => ahead.sends(page, count, wire),
                None => return Ok(sent), // frozen meanwhile: the rest goes with the map
            }
            self.spend(wire);
            let frame = match block {
                Some(block) => Frame::AheadPacked {
                    first: page,
                    count: count as u32,
                    block,
                },
                None => Frame::Ahead { first: page, data },
            };
            conn.send_in(&frame, Pieces::Large)?;
            let mut stats = lock(&self.stats);
            stats.data_bytes += data.len() as u64;
            stats.bulk_bytes += wire;
            stats.ahead_bytes += wire;
            if block.is_some() {
                stats.packed(data.len() as u64, wire);
            }
            sent += wire;
        }
        if let Some(ahead) = &mut lock(&self.state).ahead {
            ahead.has_read();
        }
        Ok(sent)
    }

    /// What really goes out of a run, for which all of it was set aside.
    fn spend(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.credit -= bytes as i64;
        if let Some(window) = &mut state.window {
            window.sent(bytes, Instant::now());
        }
    }

    /// Bytes as they travelled, packed or not.
    pub(super) fn credited_ahead(&self, bytes: u32) -> io::Result<()> {
        if let Some(ahead) = &mut lock(&self.state).ahead
            && !ahead.credited(bytes.into())
        {
            return Err(wrong("the target credits what it was not sent"));
        }
        Ok(())
    }

    /// The guest stands. What went ahead and still holds need not go again.
    pub(super) fn cool(&self, map: &Bitmap) -> Option<Cooled> {
        let mut warm = lock(&self.warm);
        let warm = warm.as_mut()?;
        let written = warm.tracked.written();
        let mut ahead = lock(&self.state).ahead.take()?;
        match written {
            Ok(runs) => {
                warm.heat.add(&runs);
                ahead.written(&runs);
            }
            Err(error) => {
                ahead.blind();
                tell(&self.events, Some(format!("no last sample: {error}")));
            }
        }
        let (stale, there) = ahead.freeze(map);
        Some(Cooled {
            stale,
            there,
            hot: warm.heat.ranked(),
            written_pages: warm.heat.written_pages(),
        })
    }

    pub(super) fn end_warm(&self) {
        lock(&self.warm).take();
    }
}
