//! Writes of the guest at the source, noted by the kernel. The userfaultfd is the one that the VMM keeps (preload).

use std::io;

use crate::session::Session;
use crate::sys::pagemap::Pagemap;
use crate::sys::reclaim;
use crate::sys::uffd::Uffd;

/// The RAM mapping of the VMM, whose writes are noted for as long as this lives.
pub struct Tracked {
    uffd: Uffd,
    pagemap: Pagemap,
    base: u64,
    bytes: u64,
}

impl Tracked {
    /// # Errors
    /// One sentence: why it cannot be known what the guest writes.
    pub fn begin(session: &Session) -> Result<Self, String> {
        let found = reclaim::find(&session.ram_file, session.vmm_uid);
        let found = found.map_err(|error| format!("the VMM's descriptor: {error}"))?;
        let found =
            found.ok_or("no VMM has the RAM file mapped under the preload with a userfaultfd")?;
        if found.watched {
            return Err("pages of it are still missing here".to_owned());
        }
        let said = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        let (base, bytes) = (found.base, session.ram_bytes);
        let uffd = Uffd::new(found.fd).map_err(said("the VMM's descriptor"))?;
        let pagemap = Pagemap::open(found.pid).map_err(said("its page map"))?;
        let begun = uffd.track_writes(base, bytes);
        begun.map_err(said("tracking of writes"))?;
        let tracked = Self {
            uffd,
            pagemap,
            base,
            bytes,
        };
        // All that is there counts as written until now.
        tracked.written().map_err(said("the first sample"))?;
        Ok(tracked)
    }

    /// Runs of pages that were written since the last call, end exclusive.
    pub fn written(&self) -> io::Result<Vec<(u64, u64)>> {
        self.pagemap.written(self.base, self.bytes)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // It fails where the VMM is gone, and there is nothing to end.
        let _ = self.uffd.unregister(self.base, self.bytes);
    }
}
