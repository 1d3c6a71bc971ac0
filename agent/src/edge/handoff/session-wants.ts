/** What the page server of one side is told to do in one handoff. Pure. */
import { movesPages, type Offer } from '@shoal/protocol';
import type { PageWishes, Recorded } from '../pages/types.ts';
import type { VmHost } from '../vmm/types.ts';
import type { SessionWants } from './pages.ts';

export type WantsDeps = {
  host: Pick<VmHost, 'paths' | 'ramBytes'>;
  vmmUid: number;
} & Required<PageWishes>;

/** `peer`: its certificate, and where the target's page server listens, with port 0 on the target's own side (any). */
export function sessionWants(
  role: SessionWants['role'],
  { engine, spec }: Offer,
  peer: { certSha256: string; host: string; port: number },
  recorded: Recorded | undefined,
  deps: WantsDeps,
): SessionWants {
  const { host, vmmUid, order, compression, bulkWindowBytes, bulkBytesPerSecond, earlyRelease } = deps;
  const paged = movesPages(engine);
  return {
    role,
    peerCertSha256: peer.certSha256,
    host: peer.host,
    port: peer.port,
    ramFile: paged ? host.paths(spec).ram : '',
    ramBytes: paged ? host.ramBytes(spec) : 0,
    ...(paged && recorded ? recorded : { deviceLoadPages: [], hotBlocks: [] }),
    vmmUid,
    order,
    compression,
    bulkWindowBytes,
    bulkBytesPerSecond,
    earlyRelease,
  };
}
