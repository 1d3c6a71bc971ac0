/** By whoever reaches the ports of a node and is on no list. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GOSSIP_TOPIC } from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import { subscription } from '../rpc.ts';

const HTTP_PORT = 7421;
const MIB = 2 ** 20;
/** Multistream's greeting (libp2p specs, connections): what an honest dialler says first. */
const MULTISTREAM = Buffer.from('\x13/multistream/1.0.0\n', 'latin1');
/** Connections that are asked for at a time: the queue of a listening socket has some hundred places. */
const AT_ONCE = 200;

async function open(scene: Scene, port: number): Promise<Socket> {
  const socket = connect({ host: scene.target.address, port });
  socket.on('error', () => undefined);
  socket.resume();
  // One that is refused at once is as good as one that is closed.
  await once(socket, 'connect').catch(() => undefined);
  return socket;
}

/** So many connections, in waves; each is handed to `each` as soon as it stands. */
async function many(scene: Scene, count: number, port: number, each: (s: Socket) => void): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const wave = Math.min(AT_ONCE, count - sockets.length);
    const made = await Promise.all(Array.from({ length: wave }, () => open(scene, port)));
    made.forEach(each);
    sockets.push(...made);
  }
  return sockets;
}

const close = (sockets: Socket[]): void => {
  for (const socket of sockets) socket.destroy();
};

/** The node must answer its people while it is attacked. */
async function mustAnswer(scene: Scene): Promise<void> {
  await scene.until('the node answers on its unix socket meanwhile', () =>
    scene.victim.call('GET', '/v1/status'),
  );
}

/** A handshake may take five seconds: nothing of them must be left before long. */
async function mustBeCut(scene: Scene, sockets: Socket[]): Promise<void> {
  const held = () => sockets.filter(s => !s.destroyed && s.readyState === 'open').length;
  await scene.until('connections without a handshake are cut', () => held() === 0);
  close(sockets);
}

const outsider: Attack = {
  name: 'outsider',
  what: 'a node off the list dials, asks for reports and publishes one',
  said: /is not on the allow-list/,
  async run(scene) {
    const rogue = await scene.outsider();
    for (let tries = 0; tries < 5; tries++) {
      await rogue.listen(scene.target).catch(() => undefined);
      await rogue.publish(scene.target, Buffer.from('let me in')).catch(() => undefined);
    }
    await sleep(3000);
    if (rogue.heard.length > 0) scene.blame(`an outsider heard ${rogue.heard.length} reports`);
  },
};

const connections: Attack = {
  name: 'connections',
  what: 'thousands of connections that say nothing are opened, and held',
  said: /too many connections at once/,
  async run(scene) {
    const sockets = await many(scene, scene.connections, scene.target.port, () => undefined);
    await mustAnswer(scene);
    await mustBeCut(scene, sockets);
  },
};

const slow: Attack = {
  name: 'slow-loris',
  what: 'handshakes that go on for ever, a byte a second',
  said: /its handshake took too long/,
  async run(scene) {
    const sockets = await many(scene, 50, scene.target.port, () => undefined);
    for (let i = 0; i < 8; i++) {
      for (const socket of sockets) if (socket.writable) socket.write(MULTISTREAM.subarray(i, i + 1));
      await sleep(1000);
    }
    await mustAnswer(scene);
    await mustBeCut(scene, sockets);
  },
};

const garbage: Attack = {
  name: 'garbage-handshake',
  what: 'what is no handshake: HTTP, TLS, noise, gossip in the clear, half a greeting',
  said: /its handshake failed/,
  async run(scene) {
    const texts = [
      Buffer.from('GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]),
      Buffer.alloc(65_537, 0xff),
      Buffer.concat([MULTISTREAM, Buffer.from('\x07/noise\n', 'latin1'), Buffer.alloc(70_000, 7)]),
      Buffer.concat([MULTISTREAM, subscription(GOSSIP_TOPIC)]),
      MULTISTREAM.subarray(0, 9),
    ];
    const sockets = await Promise.all(
      texts.map(async text => {
        const socket = await open(scene, scene.target.port);
        socket.end(text);
        return socket;
      }),
    );
    await sleep(2000);
    close(sockets);
  },
};

const bigBytes: Attack = {
  name: 'big-handshake',
  what: 'ten megabytes before any handshake',
  said: /its handshake failed/,
  async run(scene) {
    const socket = await open(scene, scene.target.port);
    for (let i = 0; i < 10 && socket.writable; i++) {
      if (!socket.write(Buffer.alloc(MIB, i)))
        await Promise.race([once(socket, 'drain'), sleep(1000)]).catch(() => undefined);
    }
    await sleep(1000);
    close([socket]);
  },
};

const http: Attack = {
  name: 'http-connections',
  what: 'the HTTP port is held by requests that never end',
  said: undefined,
  async run(scene) {
    const count = Math.min(scene.connections, 1000);
    const sockets = await many(scene, count, HTTP_PORT, s =>
      s.write('GET /v1/status HTTP/1.1\r\nHost: x\r\nX: '),
    );
    await mustAnswer(scene);
    close(sockets);
    await scene.until('it answers over TCP again', () => scene.victim.get('/v1/status'));
  },
};

const changes: Attack = {
  name: 'http-changes',
  what: 'changes over plain HTTP, large bodies, odd paths and methods',
  said: undefined,
  async run(scene) {
    const { http: url } = scene.victim;
    const refused = async (path: string, init: RequestInit) => {
      const answer = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(30_000) }).catch(
        () => undefined,
      );
      if (answer && (answer.status < 400 || answer.status >= 500))
        scene.blame(`${init.method} ${path.slice(0, 60)} was answered with ${answer.status}`);
    };
    const json = { 'content-type': 'application/json' };
    const post = (body: string) => ({ method: 'POST', headers: json, body });
    await refused('/v1/vms', post('{"name":"evil","memory":"16MiB","driver":"micro"}'));
    await refused('/v1/vms/prey/actions/destroy', post('{}'));
    await refused('/v1/node/actions/cordon', post('{}'));
    await refused('/v1/mesh/actions/pause', post(`{"ttlMs":1000,"x":"${'y'.repeat(10 * MIB)}"}`));
    await refused('/v1/vms/..%2f..%2fetc%2fshadow', { method: 'GET' });
    await refused(`/v1/vms/${'a'.repeat(8000)}`, { method: 'GET' });
    await refused('/v1/vms/prey', { method: 'DELETE' });
  },
};

export const STRANGERS: readonly Attack[] = [outsider, connections, slow, garbage, bigBytes, http, changes];
