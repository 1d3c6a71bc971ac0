//! One link on the target, and what becomes of it when it is lost or another takes its place.

use std::io;
use std::sync::Arc;
use std::thread;

use serde_json::json;

use super::Fetch;
use crate::conn::lock;
use crate::frame::{Frame, Lane};
use crate::link::{Link, cause, hello};

impl Fetch {
    /// From the greeting to the end.
    pub(super) fn run_link(self: &Arc<Self>, attempt: u32, link: &Arc<Link>) -> io::Result<()> {
        // The source has given up the old one, or it would not have made a new one.
        let old = lock(&self.link).take();
        self.give_up(old);
        for (conn, lane) in [(&link.urgent, Lane::Urgent), (&link.bulk, Lane::Bulk)] {
            conn.send(&Frame::Hello(hello(&self.session, lane, attempt)))?;
        }
        let (number, settled, complete, took_over) = {
            let mut book = lock(&self.memory.book);
            let took_over = book.resumed;
            let number = book.linked();
            // Without a map it may still have found pages in place when it took over. Of pages that went ahead it cannot say
            // which are still good.
            let has_some = book.map_known || (book.settled.ones() > 0 && !book.ahead);
            let settled = has_some.then(|| book.settled.clone());
            (number, settled, book.complete, took_over)
        };
        if let Some(settled) = settled {
            settled.pieces(|first, bits| link.bulk.send(&Frame::Installed { first, bits }))?;
        }
        link.bulk.send(&Frame::Resume { complete })?;
        // Not by the attempt: some may never have come so far, and a source that was started again begins at the first.
        if number > 1 || took_over {
            lock(&self.memory.stats).reconnects += 1;
        }
        {
            let _order = lock(&self.peer_told);
            // Only now may a fault be asked for over it: a hello comes first.
            let other = lock(&self.link).replace(Arc::clone(link));
            self.give_up(other);
            self.ahead_of_earlier_links_is_over();
            self.tell_up(link);
        }
        let waited_for = lock(&self.memory.book).waited_for();
        self.ask(&waited_for);
        thread::scope(|scope| {
            let urgent = scope.spawn(|| {
                let result = self.read_urgent(&link.urgent, number);
                link.close();
                result
            });
            let bulk = self.read_bulk(link, number);
            link.close();
            let urgent = urgent.join().expect("a lane does not panic");
            cause([bulk, urgent])
        })
    }

    /// Its threads end by themselves; its stream can come to no good end.
    fn give_up(&self, link: Option<Arc<Link>>) {
        if let Some(link) = link {
            link.close();
            self.break_stream(&link);
        }
    }

    pub(super) fn unlinked(&self, link: &Arc<Link>) {
        lock(&self.memory.stats).wire_bytes += link.wire_bytes();
        let current = lock(&self.link).take_if(|now| Arc::ptr_eq(now, link));
        self.give_up(current);
    }

    pub(super) fn is_current(&self, link: &Arc<Link>) -> bool {
        let current = lock(&self.link);
        current.as_ref().is_some_and(|now| Arc::ptr_eq(now, link))
    }

    pub(super) fn lost(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::Other {
            self.fatal("memory", &error.to_string());
        }
        let _order = lock(&self.peer_told);
        let current = lock(&self.link).clone();
        // One whose place another has taken says nothing of how things stand. That it broke the rules is told all the same.
        if current.is_some() && error.kind() != io::ErrorKind::InvalidData {
            return;
        }
        let detail = error.to_string();
        self.events
            .standing(json!({ "event": "peer", "up": false, "detail": detail }));
        if let Some(link) = current {
            self.tell_up(&link);
        }
    }

    fn tell_up(&self, link: &Link) {
        let address = link.bulk.tcp().peer_addr();
        let detail = address.map_or_else(|_| String::new(), |address| address.to_string());
        self.events
            .standing(json!({ "event": "peer", "up": true, "detail": detail }));
    }
}
