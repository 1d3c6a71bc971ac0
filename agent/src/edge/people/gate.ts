/**
 * Who may pass on which listener. Plain HTTP: reads, and nobody is asked for anything. The unix socket: everything. HTTPS: a valid
 * token whose role suffices, for reads too.
 */
import { Rate } from '../../core/rate.ts';
import { ShoalError } from '../../errors.ts';
import type { Time } from '../clock.ts';
import type { Log } from '../mesh/types.ts';
import { Buckets } from './bucket.ts';
import { networkOf } from './network.ts';
import type { Person } from './person.ts';
import { mayAs, type Presented, type Role } from './token.ts';
import type { Tokens } from './tokens.ts';

/** Wrong tokens from one address, or one /64 of IPv6: a few for who mistypes, then one in six seconds. */
const FAILURES = { burst: 10, everyMs: 6000 };
/** Addresses that failed lately; more are forgotten, the longest silent first. */
const ADDRESSES_MAX = 1024;
/**
 * Lines about wrong tokens from wherever: whoever guesses from one address gets a line for each guess that is judged; from
 * any number of them, 17,000 a day at the most, some 3 MB. Those left out are counted in the next.
 */
const LINES = { burst: 64, perSecond: 0.2 };
/** Changes of one token: a script that loops is stopped, one that drains a node is not. */
const CHANGES = { burst: 60, everyMs: 1000 };
const TOKENS_MAX = 512;

export type Asked = { authorization: string | undefined; address: string; actor: string | undefined };

/** The user that a caller says it is; anything else is not repeated in logs. */
const ACTOR = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/;

export class Gate {
  readonly #tokens: Tokens;
  readonly #log: Log;
  readonly #failures: Buckets;
  readonly #changes: Buckets;
  readonly #lines = new Rate(LINES.burst, LINES.perSecond);
  readonly #time: Pick<Time, 'nowMs'>;
  #untold = 0;

  constructor(tokens: Tokens, log: Log, time: Pick<Time, 'nowMs'>) {
    this.#tokens = tokens;
    this.#log = log;
    this.#time = time;
    this.#failures = new Buckets(FAILURES, ADDRESSES_MAX, time);
    this.#changes = new Buckets(CHANGES, TOKENS_MAX, time);
  }

  /** On the unix socket. A token is not needed; one that is shown must be valid. */
  onSocket({ authorization, actor }: Asked): Person {
    const token = authorization === undefined ? undefined : this.#token(authorization, 'unix socket');
    const said = actor !== undefined && ACTOR.test(actor) ? actor : '';
    return { by: 'socket', actor: said, token, from: 'unix socket' };
  }

  /** Over HTTPS. Throws SHOAL_HTTP_UNAUTHORIZED, SHOAL_HTTP_FORBIDDEN or SHOAL_HTTP_RATE. */
  onHttps({ authorization, address }: Asked, needs: Role): Person {
    const token = this.#token(authorization, address);
    this.demand(token, needs);
    return { by: 'token', actor: '', token, from: address };
  }

  /** A peer's word for a person: the proof is judged here, whatever the peer thinks of it. */
  ofPeer(id: string, proof: string, peer: string, from: string, needs: Role): Person {
    const wait = this.#failures.waitMs(peer);
    if (wait > 0) throw new TooMany('wrong tokens', peer, wait);
    const token = this.#tokens.whoProves(id, proof);
    if (!token) throw this.#refused(peer, `token ${id} is not known here, or not any more`, id);
    this.demand(token, needs);
    return { by: 'peer', actor: '', token, from };
  }

  /** Before each change of somebody with a token. Throws SHOAL_HTTP_RATE. */
  pace({ by, token }: Person): void {
    if (by === 'socket' || !token) return;
    const wait = this.#changes.waitMs(token.id);
    if (wait > 0) throw new TooMany('changes', `token ${token.id}`, wait);
    this.#changes.take(token.id);
  }

  demand({ id, role }: Presented, needs: Role): void {
    if (mayAs(role, needs)) return;
    throw new ShoalError(
      'SHOAL_HTTP_FORBIDDEN',
      `the token's role is ${role}, and this needs ${needs}`,
      `token ${id}`,
      'Ask with a token of that role',
    );
  }

  #token(authorization: string | undefined, address: string): Presented {
    // Before anything is computed: guessing is no faster for asking more often.
    const network = networkOf(address);
    const wait = this.#failures.waitMs(network);
    if (wait > 0) throw new TooMany('wrong tokens', network, wait);
    const shown = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (shown === undefined) {
      throw new ShoalError(
        'SHOAL_HTTP_UNAUTHORIZED',
        authorization === undefined ? 'a token is needed here' : 'the authorization is no bearer token',
        'authorization',
        'Send `authorization: Bearer …`; `shoal token create` on the node makes one',
      );
    }
    const token = this.#tokens.whoHas(shown);
    if (token) return token;
    throw this.#refused(network, 'the token is not known here, or not any more', 'authorization');
  }

  #told(from: string, what: string): void {
    if (!this.#lines.take(this.#time.nowMs())) {
      this.#untold += 1;
      return;
    }
    const more = this.#untold;
    this.#untold = 0;
    this.#log.warn({ event: 'token-refused', from, ...(more > 0 && { more }) }, what);
  }

  #refused(from: string, what: string, where: string): ShoalError {
    this.#failures.take(from);
    this.#told(from, what);
    return new ShoalError(
      'SHOAL_HTTP_UNAUTHORIZED',
      what,
      where,
      'See `shoal token list` on that node; tokens are known where they were made or added',
    );
  }
}

/** With the time after which it may be asked again. */
export class TooMany extends ShoalError {
  readonly seconds: number;
  constructor(what: string, where: string, waitMs: number) {
    const seconds = Math.ceil(waitMs / 1000);
    super('SHOAL_HTTP_RATE', `too many ${what}`, where, `Ask again in ${seconds} s`);
    this.seconds = seconds;
  }
}
