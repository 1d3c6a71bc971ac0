import { list, struct } from '../fields.ts';
import * as limit from '../limits.ts';
import { unique } from '../message.ts';
import { type ToldRegister, toldRegister } from './register.ts';

/** Registers that the receiver's digest showed to be missing or other there. */
export type RegisterPage = { type: 'register-page'; registers: ToldRegister[] };

export const registerPage = {
  number: 32,
  name: 'register-page',
  kind: struct<Omit<RegisterPage, 'type'>>({ registers: list(toldRegister, limit.REGISTER_PAGE_MAX) }),
  relations(page: Omit<RegisterPage, 'type'>): void {
    unique('registers', page.registers, r => r.key);
  },
} as const;
