/** By a stolen member, over the direct streams: frames that are none, offers of hostile VMs, words about what is not its. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { harmless, offerOf } from '@shoal/agent/edge/handoff/test-offers';
import { encodeFrame } from '@shoal/agent/edge/mesh/framing';
import {
  decodeHandoff,
  encodeHandoff,
  type HandoffMessage,
  STREAM_PROTOCOL,
  type VmSpec,
} from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import type { Rogue } from '../rogue.ts';
import { everyWord } from './every-word.ts';
import { reportOf } from './reports.ts';

const MIB = 2 ** 20;

async function send(scene: Scene, rogue: Rogue, ...frames: Uint8Array[]): Promise<void> {
  const stream = await rogue.stream(scene.target, STREAM_PROTOCOL);
  stream.maxWriteBufferLength = 64 * MIB;
  for (const frame of frames) if (stream.status === 'open') stream.send(frame);
  await sleep(1000);
  // A node takes three streams of a peer at a time.
  await stream.close().catch(() => undefined);
}

const large: Attack = {
  name: 'big-frame',
  what: 'a member sends a frame of ten megabytes on the direct stream',
  said: /a bad frame, stream closed/,
  async run(scene) {
    const rogue = await scene.member();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(10 * MIB);
    await send(scene, rogue, Buffer.concat([head, Buffer.alloc(10 * MIB, 1)]));
  },
};

const garbage: Attack = {
  name: 'garbage-frames',
  what: 'a member sends frames that are no messages',
  said: /not a handoff message/,
  async run(scene) {
    const rogue = await scene.member();
    const texts = [Buffer.from('x'), Buffer.alloc(60_000, 0x91), Buffer.from([0x92, 10, 0x90])];
    await send(scene, rogue, ...texts.map(text => encodeFrame(text)));
  },
};

const file = (source: string) => ({
  id: 'd',
  kind: 'file' as const,
  source,
  format: 'raw' as const,
  readOnly: false,
});
const nbd = (source: string) => ({ ...file(source), kind: 'nbd' as const });

/** Each is wrong in one way; a node that takes one of them would open what it should not. */
export const HOSTILE: Readonly<Record<string, Partial<VmSpec>>> = {
  'a file of the host as a disk': { disks: [file('/etc/shadow')] },
  'a device as a disk': { disks: [file('/dev/mem')] },
  'a way out of an allowed directory': { disks: [file('/tmp/../etc/shadow')] },
  'a disk with options of its own': { disks: [file('/dev/null,file.driver=host_device')] },
  'a disk on a server of the attacker': { disks: [nbd('nbd://203.0.113.1:10809/x')] },
  'a disk behind a socket of the host': { disks: [nbd('nbd+unix:///x?socket=/run/dbus/system_bus_socket')] },
  'a kernel from anywhere': { kernel: '/proc/1/mem' },
  'options in the place of a kernel': { kernel: '-monitor stdio' },
  'an initrd from anywhere': { kernel: '/etc/hostname', initrd: '/etc/shadow' },
  'a bridge that is none of ours': {
    driver: 'micro',
    nics: [{ id: 'n', bridge: 'lo', mac: '52:54:00:00:00:01' }],
  },
  'all the memory of the node': { driver: 'micro', memoryMib: 2 ** 26 },
  'a thousand processors': { driver: 'micro', vcpus: 4096 },
};

const specs: Attack = {
  name: 'hostile-specs',
  what: 'a member offers VMs that would open files, devices, servers and options that nobody allowed',
  said: /"code":"spec"/,
  async run(scene) {
    const rogue = await scene.member();
    for (const [what, wrong] of Object.entries(HOSTILE)) {
      // The link may be cut before the answer: then it is offered anew.
      const answer = await scene.until(`an answer to ${what}`, async () => {
        const offer = offerOf({ ...harmless(), ...wrong });
        await send(scene, rogue, encodeFrame(encodeHandoff(offer)));
        return answerTo(rogue, offer.handoff);
      });
      if (answer.type !== 'refuse') scene.blame(`${what} was answered with ${answer.type}`);
    }
  },
};

function answerTo(rogue: Rogue, handoff: string): HandoffMessage | undefined {
  for (const frame of rogue.frames) {
    const decoded = decodeHandoff(frame);
    if (decoded.ok && decoded.value.handoff === handoff) return decoded.value;
  }
  return undefined;
}

const theft: Attack = {
  name: 'theft',
  what: 'a member offers the VM that the node runs itself, and one that a third node runs, as its own',
  said: /"code":"(owned|claimed)"/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const spec = { ...harmless(), vm: scene.prey, name: 'prey', driver: 'micro' as const };
    for (const to of ['node0', 'node1']) {
      const offer = offerOf(spec, { epoch: 1000 });
      const stream = await rogue.stream(scene.targetOf(to), STREAM_PROTOCOL);
      stream.send(encodeFrame(encodeHandoff(offer)));
      const answer = await scene.until(`${to} answers`, () => answerTo(rogue, offer.handoff));
      if (answer.type !== 'refuse') scene.blame(`${to} answered ${answer.type} to the offer of a stolen VM`);
    }
  },
};

const words: Attack = {
  name: 'words',
  what: 'a member says every word of a handoff about a VM that is in none, and about handoffs that there are not',
  // The one word of them that asks for something; the others are answered.
  said: /"code":"spec"/,
  async run(scene) {
    const rogue = await scene.member();
    await rogue.listen(scene.target);
    const { incarnation } = await reportOf(scene, rogue, 'node0');
    // Each about a handoff of its own, that there is not.
    const said = everyWord({
      handoff: '',
      vm: scene.prey,
      incarnation: 1,
      peerIncarnation: incarnation,
      deadlineMs: 5000,
    });
    const all = said.map(message => ({ ...message, handoff: randomUUID() }));
    await send(scene, rogue, ...all.map(message => encodeFrame(encodeHandoff(message))));
    await sleep(2000);
  },
};

export const HANDOFFS: readonly Attack[] = [large, garbage, specs, theft, words];
