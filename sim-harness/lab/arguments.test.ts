import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseCommand } from './arguments.ts';
import { checkOptions } from './place.ts';

const parse = (line: string, cores = 2) => parseCommand(line.split(' ').filter(Boolean), cores);

test('a lab that is brought up without options is three nodes joined by 1 Gbit/s', () => {
  const command = parse('up');
  assert.ok(command.verb === 'up');
  const { nodes, link, net, driver, cores, name } = command.options;
  assert.equal([nodes, link, net, driver, cores, name], [3, '1gbit', 'netns', 'qemu', 'quota', 'lab']);
});

test('nodes get a core each while there are enough, else a quota', () => {
  const cores = (line: string, have: number) => {
    const command = parse(line, have);
    return command.verb === 'up' ? command.options.cores : '';
  };
  assert.is(cores('up --nodes 2', 2), 'own');
  assert.is(cores('up --nodes 3', 2), 'quota');
  assert.is(cores('up --nodes 2 --cores none', 2), 'none');
});

test('a link is cut between two nodes, an agent is killed on one', () => {
  assert.equal(parse('cut node0 node1 --name x'), { verb: 'cut', name: 'x', a: 'node0', b: 'node1' });
  assert.equal(parse('kill node2'), { verb: 'kill', name: 'lab', node: 'node2' });
  assert.equal(parse('status --json'), { verb: 'status', name: 'lab', json: true });
});

for (const line of [
  '',
  'fly',
  'up node0',
  'up --nodes 0',
  'up --nodes 2.5',
  'up --vms -1x',
  'up --driver xen',
  'up --json',
  'cut node0',
  'cut node0 node0',
  'kill',
  'down --nodes 2',
]) {
  test(`"lab ${line}" is refused with one clear error before a node is made`, () => {
    assert.throws(() => parse(line), /./);
    try {
      parse(line);
    } catch (error) {
      assert.match((error as { code: string }).code, /^(SHOAL_LAB_ARGS|ERR_PARSE_ARGS)/);
    }
  });
}

const lab = { nodes: 2, driver: 'qemu', net: 'netns', link: '1gbit', cores: 'own' } as const;

test('a lab that this machine cannot bring up is refused before a node is made', () => {
  checkOptions(lab, 2);
  for (const [wrong, cores] of [
    [{ ...lab, nodes: 3 }, 2],
    [{ ...lab, nodes: 0 }, 2],
    [{ ...lab, nodes: 65, cores: 'none' }, 2],
    [{ ...lab, link: 'fast' }, 2],
    [{ ...lab, link: '1gbit; reboot' }, 2],
    [{ ...lab, name: '../x' }, 2],
    [{ ...lab, clients: 41 }, 2],
    [{ ...lab, clients: 0.5 }, 2],
    [{ ...lab, clients: 1, net: 'loopback' }, 2],
    [{ ...lab, vmBridge: true, net: 'loopback' }, 2],
  ] as const)
    assert.throws(
      () => checkOptions(wrong, cores),
      (error: { code: string }) => error.code === 'SHOAL_LAB_ARGS',
    );
});

test.run();
