export * from './config.ts';
export { decide, threshold } from './decide.ts';
export { judge } from './judge.ts';
export { isActive, isOverloaded } from './threshold/gates.ts';
export * from './types.ts';
