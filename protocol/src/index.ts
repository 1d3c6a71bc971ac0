export * from './codec.ts';
export { Bad, type Decoded, type Fault, type FaultCode } from './errors.ts';
export { CONTROL } from './fields.ts';
export * from './limits.ts';
export type { Abort } from './messages/abort.ts';
export type { Accept } from './messages/accept.ts';
export { ACTIONS, type Action } from './messages/action.ts';
export type { ActionAnswer } from './messages/action-answer.ts';
export type { Ask } from './messages/ask.ts';
export type { Ended } from './messages/ended.ts';
export type { Farewell } from './messages/farewell.ts';
export type { FarewellAnswer } from './messages/farewell-answer.ts';
export type { HandoffHead } from './messages/head.ts';
export type { Listening } from './messages/listening.ts';
export {
  type Engine,
  type HandoffLoad,
  type LoadReport,
  type Migration,
  type Mode,
  movesPages,
  type VmLoad,
  type VmState,
} from './messages/load-report.ts';
export type { NotRun } from './messages/not-run.ts';
export type { MoveReason, Offer, ReportRef } from './messages/offer.ts';
export type { Ready } from './messages/ready.ts';
export type { RecordIs } from './messages/record.ts';
export type { Refuse } from './messages/refuse.ts';
export type { Register, ToldRegister } from './messages/register.ts';
export type { RegisterDigest } from './messages/register-digest.ts';
export type { RegisterPage } from './messages/register-page.ts';
export type { Run } from './messages/run.ts';
export type { Running } from './messages/running.ts';
export type { Transferred } from './messages/transferred.ts';
export { type DiskSpec, type NicSpec, type VmSpec, vmSpec } from './messages/vm-spec.ts';
export { registerBucket, registerBytes } from './register-bytes.ts';
export {
  ACTION_MESSAGES,
  type ActionMessage,
  EXCHANGE_MESSAGES,
  type ExchangeMessage,
  HANDOFF_MESSAGES,
  type HandoffMessage,
  MESSAGES,
  POWER_MESSAGES,
  type PowerMessage,
  RETIRED,
} from './registry.ts';
export { fitSentence } from './sentence.ts';
export {
  ACTION_PROTOCOL,
  GOSSIP_TOPIC,
  POWER_PROTOCOL,
  REGISTER_PROTOCOL,
  REGISTER_TOPIC,
  STREAM_PROTOCOL,
} from './version.ts';
