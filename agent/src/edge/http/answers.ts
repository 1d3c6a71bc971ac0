/**
 * The shape of every answer as JSON Schema, for the OpenAPI document alone: it is loaded when that is asked for. The
 * compiler holds each to the TypeScript type of the same name; a test holds real answers to them.
 */

import { POWER_STATES } from '../../core/power/table.ts';
import type { AuditRow as Audited } from '../people/audit.ts';
import { ROLES } from '../people/token.ts';
import type { TokenStatus as Listed, NewToken } from '../people/tokens.ts';
import { HandoffStatus } from './answers-handoff.ts';
import { decision, loadReport, mode, view, vmState } from './answers-work.ts';
import type * as api from './api.types.ts';
import {
  anything,
  count,
  flag,
  listOf,
  mapOf,
  number,
  type Of,
  object,
  oneOf,
  orNull,
  whole,
  words,
} from './schema.ts';

const rates = { diskReadBps: number, diskWriteBps: number, netRxBps: number, netTxBps: number } as const;

const NodeStatus = object({
  id: words,
  name: words,
  state: oneOf('awake', 'stale', 'asleep', 'unknown'),
  power: oneOf(...POWER_STATES),
  slept: object({ sleeps: count, seconds: number, wattHours: number }),
  lastWake: orNull(object({ by: words, method: words, seconds: number, atMs: number })),
  sleepTest: orNull(
    object({
      passed: flag,
      why: words,
      sleptSeconds: number,
      wakeSeconds: number,
      method: words,
      atMs: number,
    }),
  ),
  ageMs: number,
  incarnation: count,
  version: words,
  http: words,
  mode,
  cordoned: flag,
  pausedMs: number,
  policyHash: words,
  cores: count,
  cpuPercent: number,
  cpuNowPercent: number,
  memoryMib: whole,
  memoryFreeMib: whole,
  ...rates,
  vms: count,
});

const VmStatus = object({
  vm: words,
  name: words,
  node: words,
  nodeId: words,
  state: vmState,
  stale: flag,
  ageMs: number,
  epoch: count,
  cpuPercent: number,
  cpuNowPercent: number,
  memoryMib: count,
  residentMib: count,
  vcpus: count,
  migration: words,
  pinnedMs: number,
  backoffMs: number,
  ...rates,
});

const MemberStatus = object({
  id: words,
  name: words,
  addresses: listOf(words),
  state: oneOf('member', 'removed'),
  by: oneOf('config', 'register'),
  connected: flag,
});

const RegisterStatus = object({ key: words, value: words, counter: count, author: words, ageMs: number });

const PolicyStatus = object({
  name: words,
  hash: words,
  numbers: mapOf({ type: ['number', 'string'] } as const),
  said: listOf(words),
});

const ClusterStatus = object({
  node: words,
  nodeId: words,
  version: words,
  mode,
  policy: words,
  policyHash: words,
  cooldownMs: number,
  pausedMs: number,
  https: object({ address: words, fingerprint: words }),
  nodes: listOf(NodeStatus),
  vms: listOf(VmStatus),
  handoffs: listOf(HandoffStatus),
  warnings: listOf(words),
});

const word = oneOf('peer-is-off', 'from-disk');

const Doubt = object({
  vm: words,
  name: words,
  handoff: words,
  role: oneOf('source', 'target'),
  peer: words,
  record: words,
  ageMs: number,
  sentences: listOf(words),
  words: listOf(word),
});

const DecisionRecord = object({
  id: words,
  atMs: number,
  rule: words,
  policyHash: words,
  config: mapOf(anything),
  viewDigest: words,
  basis: listOf(object({ node: words, incarnation: count, seq: count })),
  view,
  decision,
  held: listOf(
    object({
      code: oneOf('resting', 'moving', 'outflow', 'yield'),
      vm: words,
      node: words,
      numbers: mapOf(number),
      sentence: words,
    }),
  ),
  action: words,
});

/** `application/problem+json` (RFC 9457). */
export const Problem = object({
  type: words,
  title: words,
  status: { type: 'integer', minimum: 400, maximum: 599 },
  detail: words,
  code: { type: 'string', pattern: '^SHOAL_[A-Z_]+$' },
  where: words,
  todo: words,
});

const HistoryPoint = object({ atMs: number, subject: words, cpuPercent: number, memoryMib: number });

const TokenStatus = object({
  id: words,
  name: words,
  role: oneOf(...ROLES),
  createdAtMs: number,
  expiresAtMs: number,
  state: oneOf('valid', 'expired', 'revoked'),
  of: oneOf('node', 'mesh'),
  record: words,
});

const AuditRow = object({
  seq: count,
  atMs: number,
  who: words,
  name: words,
  from: words,
  what: words,
  subject: words,
  node: words,
  request: words,
  result: oneOf('asked', 'done', 'refused', 'failed'),
  code: words,
  detail: words,
});

export const ANSWERS = {
  ClusterStatus,
  NodeStatus,
  NodeList: listOf(NodeStatus),
  VmStatus,
  VmList: listOf(VmStatus),
  HandoffStatus,
  HandoffList: listOf(HandoffStatus),
  DecisionRecord,
  DecisionList: listOf(DecisionRecord),
  Explanation: object({ subject: words, sentences: listOf(words), decision: orNull(DecisionRecord) }),
  HistoryPoint,
  History: listOf(HistoryPoint),
  LoadReport: loadReport,
  ReportList: listOf(loadReport),
  Health: object({ ok: flag, faults: listOf(words) }),
  OpenApi: { type: 'object', description: 'OpenAPI 3.1' },
  Created: object({ vm: words, name: words }),
  Stopped: object({ forced: flag }),
  Moving: object({ handoff: words, source: words, node: words, pinnedMs: number }),
  Doubt,
  Resolved: object({ handoff: words, word }),
  Console: object({ path: words }),
  Would: object({ would: words }),
  TokenStatus,
  MemberStatus,
  MemberList: listOf(MemberStatus),
  PolicyStatus,
  RegisterStatus,
  RegisterList: listOf(RegisterStatus),
  TokenList: listOf(TokenStatus),
  NewToken: object({ token: words, id: words, record: words }),
  TokenId: object({ id: words }),
  AuditRow,
  AuditList: listOf(AuditRow),
  Problem,
} as const;

export type AnswerName = keyof typeof ANSWERS;

/** Never, unless both say the same: then the line that names it does not compile. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Schema<N extends AnswerName> = Of<(typeof ANSWERS)[N]>;
type Held = [
  Same<Schema<'ClusterStatus'>, api.ClusterStatus>,
  Same<Schema<'DecisionRecord'>, Plain<api.DecisionRecord>>,
  Same<Schema<'Explanation'>, Plain<api.Explanation>>,
  Same<Schema<'HistoryPoint'>, api.HistoryPoint>,
  Same<Schema<'LoadReport'>, ReturnType<api.AgentApi['reports']>[number]>,
  Same<Schema<'Health'>, ReturnType<api.AgentApi['health']>>,
  Same<Schema<'Moving'>, api.Moving>,
  Same<Schema<'Doubt'>, api.DoubtStatus>,
  Same<Schema<'Resolved'>, api.Resolved>,
  Same<Schema<'Would'>, api.Would>,
  Same<Schema<'TokenStatus'>, Listed>,
  Same<Schema<'NewToken'>, NewToken>,
  Same<Schema<'AuditRow'>, Audited>,
  Same<Schema<'MemberStatus'>, api.MemberStatus>,
  Same<Schema<'RegisterStatus'>, api.RegisterStatus>,
];
/** What is read only in TypeScript is the same in JSON. */
type Plain<T> = T extends (infer U)[]
  ? Plain<U>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T;
export const HELD: Held = [
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
];
