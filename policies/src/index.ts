export * from './config.ts';
export { decide, threshold } from './decide.ts';
export { judge } from './judge.ts';
export { Projection } from './projection.ts';
export * from './types.ts';
