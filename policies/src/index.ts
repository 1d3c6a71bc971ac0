export * from './config.ts';
export { decide, threshold } from './decide.ts';
export { judge, OWN_TRUTH } from './judge.ts';
export { isActive, isOverloaded } from './threshold/gates.ts';
export * from './types.ts';
