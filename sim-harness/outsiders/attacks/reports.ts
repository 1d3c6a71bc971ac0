/** By a stolen member, over the gossip: reports that are none, not its own, too many or too large. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { decodeLoadReport, encodeLoadReport, type LoadReport } from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import { MESHSUB, type Rogue } from '../rogue.ts';
import { carrying, field, framed } from '../rpc.ts';

const MIB = 2 ** 20;
/** Every node says one a second. */
const FLOOD = 3000;

/** A newest report of that node, as it came over the gossip. Nodes of a small cluster pass on nothing unasked. */
export async function reportOf(scene: Scene, rogue: Rogue, node: string): Promise<LoadReport> {
  const { id } = scene.targetOf(node);
  await rogue.listen(scene.targetOf(node));
  return scene.until(`a report of ${node} is heard`, () => {
    for (const { data } of [...rogue.heard].reverse()) {
      const decoded = decodeLoadReport(data);
      if (decoded.ok && decoded.value.node === id) return decoded.value;
    }
    return undefined;
  });
}

/** An honest report in form, of the rogue itself. */
async function ownReport(scene: Scene, rogue: Rogue, seq: number, more: Partial<LoadReport> = {}) {
  const honest = await reportOf(scene, rogue, 'node0');
  return { ...honest, node: rogue.id, name: 'rogue', vms: [], handoffs: [], incarnation: 1, seq, ...more };
}

const garbage: Attack = {
  name: 'garbage-reports',
  what: 'a member gossips bytes that are no report',
  said: /"reason":"(encoding|size|number|type|length)"/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    for (const data of [
      Buffer.alloc(0),
      Buffer.from('x'),
      Buffer.alloc(16_384, 0x93),
      Buffer.from([0x92, 1, 0x90]),
    ])
      await rogue.publish(scene.target, data);
    await sleep(2000);
  },
};

const forged: Attack = {
  name: 'forged-author',
  what: 'a member gossips a report in the name of another node, with its VMs gone',
  said: /it names another node/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const honest = await reportOf(scene, rogue, 'node1');
    const lie = { ...honest, seq: honest.seq + 1000, vms: [], cordoned: true };
    await rogue.publish(scene.target, encodeLoadReport(lie));
    await sleep(2000);
  },
};

const unsigned: Attack = {
  name: 'wrong-signature',
  what: "a member passes on another node's report with other figures under the old signature",
  said: /not signed by its author/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const honest = await reportOf(scene, rogue, 'node1');
    const message = rogue.heard.find(h => {
      const decoded = decodeLoadReport(h.data);
      return decoded.ok && decoded.value.node === honest.node;
    });
    if (!message) throw new Error('assertion failed: it was heard a moment ago');
    const turned = Buffer.from(message.raw);
    // Somewhere in the report, which is most of the message; and the sequence number, so that it is no duplicate.
    turned[turned.indexOf(Buffer.from(message.data)) + message.data.length - 3]! ^= 1;
    await rogue.rpc(scene.target, carrying(turned));
    const bare = Buffer.concat([field(1, message.author), field(2, message.data), field(4, 'x')]);
    await rogue.rpc(scene.target, carrying(bare));
    await sleep(2000);
  },
};

const large: Attack = {
  name: 'big-gossip',
  what: 'a member sends a frame of ten megabytes of gossip',
  said: /its gossip stream broke|link cut|peer disconnected/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const stream = await rogue.stream(scene.target, MESHSUB);
    stream.maxWriteBufferLength = 64 * MIB;
    stream.send(framed(Buffer.alloc(10 * MIB, 0x12)));
    await sleep(4000);
    await rogue.stop();
    await sleep(1000);
  },
};

const flood: Attack = {
  name: 'flood',
  what: 'a member gossips thousands of well-formed, rightly signed reports of its own at once',
  said: /too many a second/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const report = await ownReport(scene, rogue, 1);
    for (let seq = 1; seq <= FLOOD; seq++) {
      await rogue.publish(scene.target, encodeLoadReport({ ...report, seq })).catch(() => undefined);
      if (seq % 200 === 0) await sleep(50);
    }
    await sleep(2000);
  },
};

const claim: Attack = {
  name: 'claim',
  what: 'a member reports the VM of another node as its own, with a higher epoch',
  said: undefined,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const honest = await reportOf(scene, rogue, 'node0');
    const vms = honest.vms.map(vm => ({ ...vm, epoch: vm.epoch + 100 }));
    const report = await ownReport(scene, rogue, 1, { vms });
    const told = async () => {
      await rogue.publish(scene.target, encodeLoadReport({ ...report, seq: report.seq++ }));
      const { warnings } = await scene.victim.get<ClusterStatus>('/v1/status');
      await sleep(200);
      return warnings.some(w => /is claimed by .*rogue/.test(w));
    };
    await scene.until('the node warns of two claims', told);
  },
};

const deaf: Attack = {
  name: 'deaf-member',
  what: 'a member asks for all reports and reads none of them, on many streams',
  said: undefined,
  async run(scene) {
    const rogue = await scene.member();
    const connection = await rogue.dial(scene.target);
    await rogue.listen(scene.target);
    const streams = [];
    for (let i = 0; i < 200; i++) {
      const stream = await connection
        .newStream(MESHSUB, { signal: AbortSignal.timeout(2000) })
        .catch(() => undefined);
      if (stream) streams.push(stream);
    }
    for (const stream of connection.streams) stream.pause();
    await sleep(10_000);
  },
};

export const REPORTS: readonly Attack[] = [garbage, forged, unsigned, large, flood, claim, deaf];
