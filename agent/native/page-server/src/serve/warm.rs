//! Engine `warm`: pages go ahead of the switch while the guest runs, and what it wrote since is told at the switch
//! (docs/design/warm.md).

use std::io;

use serde_json::{Value, json};

use super::Serve;
use super::ahead::Ahead;
use super::heat::Heat;
use super::lanes::is_zero;
use super::tracked::Tracked;
use super::watch::tell;
use crate::bitmap::Bitmap;
use crate::conn::{Conn, lock};
use crate::frame::Frame;
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
}

impl Serve {
    /// Begins. Where it cannot be known what the guest writes nothing goes ahead, and the move is a plain post-copy.
    pub(super) fn warm(&self) -> Value {
        let mut warm = lock(&self.warm);
        let begun = lock(&self.state).ahead.is_some() || lock(&self.state).plan.is_some();
        let Some(ram) = self.ram.as_ref().filter(|_| self.session.warm && !begun) else {
            return json!({});
        };
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
        json!({})
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

    /// Bytes that went out: a page of zeros only where the target has something else.
    pub(super) fn send_ahead(
        &self,
        conn: &Conn,
        first: u64,
        count: u64,
        buffer: &mut [u8],
    ) -> io::Result<u64> {
        let page_bytes = self.session.page_bytes;
        let size = page_bytes as usize;
        let bytes = &mut buffer[..count as usize * size];
        self.read_pages(first, bytes)?;
        let mut runs: Vec<(u64, u64)> = Vec::new();
        {
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
            for &(first, count) in &runs {
                ahead.sends(first, count);
            }
            ahead.has_read();
        }
        let sent = runs.iter().map(|(_, count)| count).sum::<u64>() * page_bytes;
        self.spend(sent);
        for (page, count) in runs {
            let at = (page - first) as usize * size;
            conn.send(&Frame::Ahead {
                first: page,
                data: &bytes[at..at + count as usize * size],
            })?;
        }
        let mut stats = lock(&self.stats);
        stats.data_bytes += sent;
        stats.bulk_bytes += sent;
        stats.ahead_bytes += sent;
        Ok(sent)
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
        let hot = warm.heat.ranked();
        Some(Cooled { stale, there, hot })
    }

    pub(super) fn end_warm(&self) {
        lock(&self.warm).take();
    }
}
