export * from './messages/handoff.types.ts';
export * from './messages/load-report.ts';
