export * from './edge/http/api.types.ts';
export * from './edge/pages/types.ts';
export * from './edge/vmm/types.ts';
export * from './errors.ts';
