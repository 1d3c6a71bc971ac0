/** What the target's half of a handoff can be in, be told, and ask for. What follows from what is in `target.ts`. */

export type TargetState =
  | 'judging'
  | 'w-accepted'
  | 'accepted'
  | 'w-loading'
  | 'loading'
  | 'w-ready'
  | 'ready'
  | 'w-owner'
  | 'owner'
  | 'running'
  // it runs here, and the pages that are missing went with the source's memory: it is ended like after a crash
  | 'lost'
  | 'w-transferred'
  | 'transferred'
  | 'w-not-run'
  | 'not-run'
  // an operator's word that the source is off and stays off: a cold start here
  | 'w-resolved'
  | 'resolved'
  // this node was rebooted as the owner, and the source has not acknowledged that: it may have been resolved
  | 'returned'
  // the same after an operator's word
  | 'returned-resolved'
  // the source was resolved meanwhile, and has it
  | 'w-yielded'
  | 'yielded'
  | 'gone';

export type TargetEvent =
  // the source's words
  | 'run'
  | 'abort'
  | 'ask'
  | 'record'
  // its newest record, where that decides something; `no-record`: it has none of this handoff
  | 'no-record'
  | 'committed'
  | 'released'
  | 'resolved'
  // its operator resolved it once, and it was rebooted since: it asks too
  | 'was-resolved'
  | 'ended'
  // this node's own verdict
  | 'judged-yes'
  | 'judged-no'
  // the journal's
  | 'written'
  | 'write-failed'
  // VMM and page server; `prepared`: the VMM waits for the stream and the page server listens
  | 'prepared'
  | 'prepare-failed'
  | 'loaded'
  | 'load-failed'
  | 'cont-ok'
  // `never-ran`: refused, and the run state shows that the guest never ran here
  | 'cont-refused-never-ran'
  | 'cont-refused'
  | 'vmm-exit'
  | 'pages-complete'
  // asked for: some are missing, and the source has no more to send
  | 'pages-lost'
  | 'pages-exit'
  // time and people; `resolve`: the operator's word that the source is off
  | 'deadline'
  | 'resend'
  | 'cancel'
  | 'resolve';

export type TargetEffect =
  | 'write-accepted'
  | 'write-loading'
  | 'write-ready'
  | 'write-owner'
  | 'write-transferred'
  | 'write-not-run'
  | 'write-resolved'
  | 'write-yielded'
  | 'write-again'
  | 'send-accept'
  | 'send-refuse'
  | 'send-listening'
  | 'send-ready'
  | 'send-running'
  | 'send-transferred'
  | 'send-not-run'
  | 'send-ask'
  | 'send-ended'
  | 'prepare'
  | 'start-deadline'
  | 'stop-deadline'
  | 'cont'
  | 'announce'
  | 'ask-pages'
  | 'restart-pages'
  | 'end-pages'
  | 'end-vmm'
  | 'drop-vm'
  | 'release-reservation'
  | 'report-gained'
  | 'report-lost'
  | 'report-memory-lost'
  | 'report-resolved'
  | 'report-left'
  | 'report-healthy'
  | 'forget';
