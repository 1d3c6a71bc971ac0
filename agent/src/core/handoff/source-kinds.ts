/** What the source's half of a handoff can be in, be told, and ask for. What follows from what is in `source.ts`. */

export type SourceState =
  | 'offered'
  | 'w-preparing'
  | 'preparing'
  | 'connecting'
  | 'w-switching'
  | 'switching'
  | 'switching-done'
  | 'switching-ready'
  | 'w-committed'
  | 'committed'
  // committed, and the guest's memory went with a power failure of this node: `run` is never said again
  | 'memoryless'
  | 'transferring'
  | 'w-released'
  | 'released'
  | 'w-aborted'
  | 'aborting'
  | 'aborted'
  | 'w-retaken'
  | 'retaking'
  | 'retaken'
  // an operator's word that the target is off and stays off: a cold start here
  | 'w-resolved'
  | 'resolved'
  // this node was rebooted with a record that the target has not acknowledged as ended; it had not committed …
  | 'rebooted'
  // … it had aborted …
  | 'returned'
  // … it had been resolved
  | 'returned-resolved'
  | 'gone';

export type SourceEvent =
  // the target's words; `record` = its newest record in answer to an ask, none of the others
  | 'accept'
  | 'refuse'
  | 'listening'
  | 'ready'
  | 'running'
  | 'transferred'
  | 'not-run'
  | 'ask'
  | 'record'
  // it has no record of this handoff
  | 'no-record'
  // its operator resolved it once, and it was rebooted since: it asks too
  | 'was-resolved'
  | 'ended'
  // the journal's
  | 'written'
  | 'write-failed'
  // the VMM's; `stream-failed`: the migration broke, after which stock QEMU resumes the guest by itself
  | 'pre-switchover'
  | 'postmigrate'
  | 'stream-failed'
  | 'guest-runs'
  | 'vmm-exit'
  // the page server's
  | 'pages-up'
  | 'pages-exit'
  // time and people; `resolve`: the operator's word that the target is off
  | 'deadline'
  | 'resend'
  | 'cancel'
  | 'resolve';

export type SourceEffect =
  | 'write-preparing'
  | 'write-switching'
  | 'write-committed'
  | 'write-released'
  | 'write-aborted'
  | 'write-retaken'
  | 'write-resolved'
  | 'write-again'
  | 'send-run'
  | 'send-abort'
  | 'send-ask'
  | 'send-record'
  | 'send-ended'
  | 'start-pages'
  | 'restart-pages'
  | 'end-pages'
  | 'migrate'
  | 'switch-over'
  | 'bring-back'
  | 'announce'
  | 'end-vmm'
  | 'free-ram'
  | 'clear-nonces'
  | 'start-deadline'
  | 'report-refused'
  | 'report-stays'
  | 'report-left'
  | 'report-resolved'
  | 'forget';
