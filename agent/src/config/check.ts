/** Holds a configuration against the schema: every fault, in words; fills in the defaults on the way. */
import { Ajv, type ErrorObject } from 'ajv';
import type { Fault } from './faults.ts';
import { didYouMean } from './nearest.ts';
import { SCHEMA } from './schema.ts';

/** Fills `value` in place. Answers every fault; when there is none, `value` is a Config. */
export function schemaFaults(value: Record<string, unknown>): Fault[] {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true, strict: false });
  const validate = ajv.compile(SCHEMA);
  validate(value);
  return (validate.errors ?? []).map(inWords);
}

const dotted = (pointer: string): string =>
  pointer
    .slice(1)
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');

type Rule = {
  properties?: Record<string, unknown>;
  form?: string;
  unit?: string;
  minimum?: number;
  maximum?: number;
};

function inWords(error: ErrorObject): Fault {
  const path = dotted(error.instancePath);
  const rule = (error.parentSchema ?? {}) as Rule;
  const shown = JSON.stringify(error.data) ?? 'nothing';
  const fault = (what: string, todo: string): Fault => ({ path, what, todo });
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const keys = Object.keys(rule.properties ?? {});
      const todo = didYouMean(key, keys) || `The keys here are ${keys.join(', ')}`;
      return { path: path ? `${path}.${key}` : key, what: 'no such key', todo: sentence(todo) };
    }
    case 'required':
      return fault(`${error.params.missingProperty} is missing`, 'Add it');
    case 'type':
      return fault(
        `${shown} is not ${KINDS[error.params.type as string] ?? error.params.type}`,
        giveRange(rule),
      );
    case 'enum': {
      const values = error.params.allowedValues as string[];
      const near = typeof error.data === 'string' ? didYouMean(error.data, values) : '';
      return fault(`${shown} is none of ${values.join(', ')}`, sentence(near || 'Choose one of these'));
    }
    case 'minimum':
    case 'maximum':
      return fault(`${shown} is out of range`, giveRange(rule));
    case 'pattern':
      return fault(`${shown} is not what it must be`, `Give ${rule.form}`);
    case 'uniqueItems':
      return fault('the same entry stands here twice', 'Remove one');
    default:
      return fault(`${shown}: ${error.message}`, 'See the reference of the configuration');
  }
}

const KINDS: Record<string, string> = {
  integer: 'a whole number',
  string: 'text',
  array: 'a list',
  object: 'a group of keys',
};

function giveRange({ minimum, maximum, unit, form }: Rule): string {
  if (minimum !== undefined) return `Give ${minimum} to ${maximum}${unit && unit !== 'id' ? ` ${unit}` : ''}`;
  return form ? `Give ${form}` : 'Change it';
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
