/** What demos, benches and tests use of the lab. */
export type { Cores } from './cgroups.ts';
export type { LabOptions } from './config.ts';
export { type Glance, GuestPort } from './guest-port.ts';
export { Lab, type VmWish } from './lab.ts';
export { VM_BRIDGE } from './network.ts';
export { LabNode } from './node.ts';
export type { LinkClass } from './priority.ts';
export { labNames } from './state.ts';
export { bringUp, openLab, takeDown } from './up.ts';
