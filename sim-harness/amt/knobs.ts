/** How an AMT double behaves, and misbehaves: what firmware, networks and impostors do. */

export type Knobs = {
  username: string;
  password: string;
  realm: string;
  /** As it stands in the challenge: `auth`, or `auth-int, auth` from AMT 14 on. */
  qop: string;
  /** RFC 2069's digest without qop, to which some clients fall back: whether AMT takes it is not known. */
  takesBareDigest: boolean;
  /** Requests for which a nonce is good; then it is stale. */
  nonceUses: number;
  /** Bytes of each chunk of a reply; borders fall within tags. */
  chunkBytes: number;
  /** From a request to the new state. */
  transitionMs: number;
  /** Says 0, and nothing wakes. */
  lies: boolean;
  /** The value that a request returns in place of being carried out; -1: it is carried out. */
  returns: number;
  /** The first connections are taken and never answered: the management engine dozes. */
  dozes: number;
  /** Every connection is. */
  hangs: boolean;
  /** Before a reply. */
  lateMs: number;
  /** The connection breaks after half of a reply. */
  breaks: boolean;
  /** What the reply is in place of one. */
  reply: 'right' | 'fault' | 'truncated' | 'huge' | 'doctype' | 'html';
  /** AMT before 10 has none. */
  hasOsPower: boolean;
  /** The host is on, and saves power (Modern Standby). */
  savesPower: boolean;
  /** Intel's service in the host: with it AMT offers to put the host to sleep. */
  lms: boolean;
};

export const WELL: Knobs = {
  username: 'admin',
  password: 'P@ssw0rd-of-a-double',
  realm: 'Digest:34BF4B5A0561F95248F58509A406E046',
  qop: 'auth',
  takesBareDigest: false,
  nonceUses: Number.POSITIVE_INFINITY,
  chunkBytes: 61,
  transitionMs: 0,
  lies: false,
  returns: -1,
  dozes: 0,
  hangs: false,
  lateMs: 0,
  breaks: false,
  reply: 'right',
  hasOsPower: true,
  savesPower: false,
  lms: false,
};
