/** Every message that is or was on the wire. Numbers are for ever: a removed one moves to RETIRED. 0 means nothing. */
import { type Abort, abort } from './messages/abort.ts';
import { type Accept, accept } from './messages/accept.ts';
import { type Action, action } from './messages/action.ts';
import { type ActionAnswer, actionAnswer } from './messages/action-answer.ts';
import { type Ask, ask } from './messages/ask.ts';
import { type Ended, ended } from './messages/ended.ts';
import { type Farewell, farewell } from './messages/farewell.ts';
import { type FarewellAnswer, farewellAnswer } from './messages/farewell-answer.ts';
import { type Listening, listening } from './messages/listening.ts';
import { loadReport } from './messages/load-report.ts';
import { type NotRun, notRun } from './messages/not-run.ts';
import { type Offer, offer } from './messages/offer.ts';
import { type Ready, ready } from './messages/ready.ts';
import { type RecordIs, record } from './messages/record.ts';
import { type Refuse, refuse } from './messages/refuse.ts';
import { register } from './messages/register.ts';
import { type RegisterDigest, registerDigest } from './messages/register-digest.ts';
import { type RegisterPage, registerPage } from './messages/register-page.ts';
import { type Run, run } from './messages/run.ts';
import { type Running, running } from './messages/running.ts';
import { type Transferred, transferred } from './messages/transferred.ts';

export type HandoffMessage =
  | Offer
  | Accept
  | Refuse
  | Listening
  | Ready
  | Run
  | Running
  | Transferred
  | Abort
  | NotRun
  | Ask
  | RecordIs
  | Ended;

export const HANDOFF_MESSAGES = [
  offer,
  accept,
  refuse,
  listening,
  ready,
  run,
  running,
  transferred,
  abort,
  notRun,
  ask,
  record,
  ended,
] as const;

/** What two nodes say to each other to have the same registers. */
export type ExchangeMessage = RegisterDigest | RegisterPage;

export const EXCHANGE_MESSAGES = [registerDigest, registerPage] as const;

/** What people ask of a node through another one. */
export type ActionMessage = Action | ActionAnswer;

export const ACTION_MESSAGES = [action, actionAnswer] as const;

/** What nodes say to each other before one sleeps. */
export type PowerMessage = Farewell | FarewellAnswer;

export const POWER_MESSAGES = [farewell, farewellAnswer] as const;

export const MESSAGES = [
  loadReport,
  ...HANDOFF_MESSAGES,
  register,
  ...EXCHANGE_MESSAGES,
  ...ACTION_MESSAGES,
  ...POWER_MESSAGES,
] as const;

export const RETIRED: readonly number[] = [0];
