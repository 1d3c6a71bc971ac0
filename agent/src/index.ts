export * from './edge/vmm/types.ts';
export * from './edge/pages/types.ts';
