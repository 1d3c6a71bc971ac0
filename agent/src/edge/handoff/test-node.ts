/** For tests: the handoffs of a node with a real journal; what is done to its one VM is written down instead. */
import { decodeHandoff, encodeHandoff, type HandoffMessage, type Offer } from '@shoal/protocol';
import { clock } from '../clock.ts';
import type { OwnedVm } from '../vms/record.ts';
import { Handoffs, type HandoffsDeps, type HandoffsOptions } from './handoffs.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { type Said, Words } from './words.ts';

export const VM = '11111111-1111-4111-8111-111111111111';
export const H1 = 'aaaaaaaa-1111-4111-8111-111111111111';
export const H2 = 'bbbbbbbb-1111-4111-8111-111111111111';
export const quiet = () => undefined;
export const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
/** The life of the node under test, and of its peer. */
const LIFE = 2;
const PEER_LIFE = 1;

export function entry(
  handoff: string,
  role: 'source' | 'target',
  record: string,
  epoch: number,
  bootId = 'boot',
): JournalEntry {
  const spec = { vm: VM, name: 'web1', memoryMib: 64, machine: 'pc', driver: 'micro', disks: [], nics: [] };
  const offer = { type: 'offer', handoff, vm: VM, spec, epoch, engine: 'postcopy', reason: 'overload' };
  return {
    handoff,
    role,
    record,
    seq: 3,
    peer: 'peer',
    bootId,
    session: undefined,
    offer: offer as unknown as Offer,
  };
}

/** `owned`: its VM, with the run state of its VMM; without one, there is none. The node's boot is `boot`. */
export function testNode(
  journal: Journal,
  owned: { epoch: number; runState?: string } | undefined,
  more: object = {},
  pageServers: object = {
    keepOnly: async () => undefined,
    adopt: async () => undefined,
    remove: async () => undefined,
  },
  past: object = { add: async () => undefined, last: async () => [] },
  other: object = {},
) {
  const done: string[] = [];
  const said: HandoffMessage[] = [];
  const does =
    (what: string) =>
    async (...args: unknown[]) => {
      done.push([what, ...args.filter(a => typeof a === 'number')].join(' '));
    };
  const vmm = owned?.runState && {
    on: () => quiet,
    runState: async () => owned.runState,
    migrationStatus: async () => ({ status: 'completed', raw: {} }),
    cont: does('cont'),
    end: does('end'),
    announceSelf: does('announce'),
  };
  const vms = {
    get: () => owned && ({ record: { epoch: owned.epoch }, vmm } as unknown as OwnedVm),
    stays: (_: string, epoch: number) => does('stays')(epoch),
    startCold: (_: string, epoch: number) => does('start-cold')(epoch),
    gained: (_: unknown, epoch: number) => does('gained')(epoch),
    left: does('left'),
    settled: does('settled'),
    ...more,
  };
  const words = new Words({
    incarnation: LIFE,
    incarnationOf: () => PEER_LIFE,
    async send(_peer, frame) {
      const message = decodeHandoff(frame);
      done.push('send');
      if (message.ok) said.push(message.value);
    },
    log,
  });
  const deps = {
    ...{ journal, clock, log, words, vms, changed: quiet, switched: quiet, ended: quiet },
    host: { clean: does('clean'), clearDiskNonces: async () => undefined, adopt: async () => undefined },
    pageServers,
    past,
    luggage: () => ({ backoffLevel: 0, backoffMs: 0 }),
    nameOf: (peer: string) => peer,
    ...other,
  };
  const handoffs = new Handoffs(
    { self: 'self', bootId: 'boot', incarnation: LIFE } as HandoffsOptions,
    deps as unknown as HandoffsDeps,
  );
  const hear = (what: Said, lives: { incarnation?: number; peerIncarnation?: number } = {}, handoff = H1) =>
    handoffs.hear(
      'peer',
      encodeHandoff({
        ...what,
        ...{ handoff, vm: VM, incarnation: PEER_LIFE, peerIncarnation: LIFE, deadlineMs: 0, ...lives },
      } as HandoffMessage),
    );
  return { handoffs, done, said, hear, toVm: () => done.filter(what => what !== 'send') };
}
