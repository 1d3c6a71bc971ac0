/** By a stolen member, on what nodes share and what people ask: forged registers, actions without a token, garbage. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame } from '@shoal/agent/edge/mesh/framing';
import {
  ACTION_PROTOCOL,
  type ActionAnswer,
  decodeAction,
  encodeAction,
  encodeExchange,
  encodeRegister,
  REGISTER_PROTOCOL,
  REGISTER_TOPIC,
} from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import type { Rogue } from '../rogue.ts';

const GARBAGE = [Buffer.from('x'), Buffer.alloc(60_000, 0x91), Buffer.from([0x92, 40, 0x90])];

async function send(scene: Scene, rogue: Rogue, protocol: string, frames: Uint8Array[]): Promise<void> {
  const stream = await rogue.stream(scene.target, protocol);
  for (const frame of frames) if (stream.status === 'open') stream.send(encodeFrame(frame));
  await sleep(1000);
  await stream.close().catch(() => undefined);
}

const exchange: Attack = {
  name: 'garbage-exchange',
  what: 'a member sends what is no exchange of registers',
  said: /exchange refused/,
  async run(scene) {
    await send(scene, await scene.member(), REGISTER_PROTOCOL, GARBAGE);
  },
};

const actions: Attack = {
  name: 'garbage-actions',
  what: 'a member sends what is no action',
  said: /a message about an action that is none/,
  async run(scene) {
    await send(scene, await scene.member(), ACTION_PROTOCOL, GARBAGE);
  },
};

/** Written as by the victim itself and by nobody's operator, under signatures that are none. */
const registers = (scene: Scene) =>
  [
    `cordon/${scene.target.id}`,
    `mode/${scene.target.id}`,
    `pause/${scene.target.id}`,
    `member/${scene.target.id}`,
  ].map(key => ({
    key,
    value: '',
    counter: 1_000_000,
    author: scene.target.id,
    signature: '0'.repeat(128),
    ageMs: 0,
  }));

const forged: Attack = {
  name: 'forged-registers',
  what: "a member writes the victim's own registers in its name: cordon, mode, pause, membership",
  said: /register.*(forged|rejected|refused)/,
  async run(scene) {
    const rogue = await scene.member();
    for (const register of registers(scene)) {
      await send(scene, rogue, REGISTER_PROTOCOL, [
        encodeExchange({ type: 'register-page', registers: [register] }),
      ]);
    }
    const [first] = registers(scene);
    if (first) await rogue.publish(scene.target, encodeRegister(first), REGISTER_TOPIC);
    await sleep(1000);
  },
};

const unasked: Attack = {
  name: 'actions-without-token',
  what: 'a member asks for the VM to be stopped, destroyed and moved, with tokens that nobody made',
  said: /"event":"token-refused"/,
  async run(scene) {
    const rogue = await scene.member();
    const stream = await rogue.stream(scene.target, ACTION_PROTOCOL);
    for (const action of ['stop', 'destroy', 'migrate'] as const) {
      const request = randomUUID();
      const asked = { type: 'action' as const, request, action, vm: 'prey', node: '', engine: '' as const };
      const proof = { dry: false, token: '0'.repeat(16), proof: '0'.repeat(64), from: '127.0.0.1' };
      stream.send(encodeFrame(encodeAction({ ...asked, ...proof })));
      const answer = await scene.until(`an answer to ${action}`, () => answerTo(rogue, request));
      if (answer.ok) scene.blame(`${action} without a token was answered with ${JSON.stringify(answer)}`);
    }
  },
};

function answerTo(rogue: Rogue, request: string): ActionAnswer | undefined {
  for (const frame of rogue.frames) {
    const decoded = decodeAction(frame);
    if (decoded.ok && decoded.value.type === 'action-answer' && decoded.value.request === request)
      return decoded.value;
  }
  return undefined;
}

export const SHARED: readonly Attack[] = [exchange, actions, forged, unasked];
