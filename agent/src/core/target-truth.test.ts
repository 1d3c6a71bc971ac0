import type { NodeView, View, VmView } from '@shoal/policies';
import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Relocation, targetTruth } from './target-truth.ts';

const vm = (id: string) => ({ vm: id, labels: {} }) as unknown as VmView;
const node = (id: string, vms: VmView[]) => ({ node: id, sinceRelocationMs: 77, vms }) as NodeView;
const view: View = { self: 'b', nodes: [node('a', [vm('v'), vm('w')]), node('b', [vm('x')]), node('c', [])] };
const offer = { spec: { vm: 'v', labels: { of: 'spec' } }, relocation: 'r1' } as unknown as Offer;
const seen = (relocations: [string, Relocation][], labels: [string, Record<string, string>][] = []) =>
  targetTruth(view, offer, 'a', { labels: new Map(labels), relocations: new Map(relocations) }).nodes;

test('a target knows the labels of its own VMs and of the offered one, of no others', () => {
  const nodes = seen([], [['x', { of: 'own' }]]);
  assert.equal(
    nodes.flatMap(n => n.vms.map(v => [v.vm, v.labels])),
    [
      ['v', { of: 'spec' }],
      ['w', {}],
      ['x', { of: 'own' }],
    ],
  );
});

test('rows of one relocation are exempt from the cooldown that it starts, those of another are not', () => {
  const nodes = seen([
    ['a', { id: 'r1', sinceMs: 10 }],
    ['b', { id: 'r2', sinceMs: 20.4 }],
    ['c', { id: '', sinceMs: 30 }],
  ]);
  assert.equal(
    nodes.map(n => n.sinceRelocationMs),
    [-1, 20, -1],
  );
});

test.run();
