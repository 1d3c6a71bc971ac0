import { flag, list, struct } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';

/** What registers the sender holds, as one hash for each bucket of keys. */
export type RegisterDigest = {
  type: 'register-digest';
  /** It answers a digest, after all pages that the asker lacked. Never answered itself. */
  answer: boolean;
  /** `registerBucket` of a key is its place here; empty = no register in that bucket. */
  buckets: string[];
};

export const registerDigest = {
  number: 31,
  name: 'register-digest',
  kind: struct<Omit<RegisterDigest, 'type'>>({
    answer: flag,
    buckets: list(kind.hash16OrEmpty, limit.REGISTER_BUCKETS),
  }),
} as const;
