export * from './config.ts';
export { decide, threshold } from './decide.ts';
export { judge, OWN_TRUTH } from './judge.ts';
export { isActive, isOverloaded, needsNode } from './threshold/gates.ts';
export { reserveOf } from './threshold/sleep.ts';
export * from './types.ts';
