/** What a node answers to an action that it has not carried out. Pure. */
import { type Action, type ActionAnswer, fitSentence } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';

export const EMPTY = {
  type: 'action-answer',
  code: '',
  detail: '',
  where: '',
  todo: '',
  would: '',
  forced: false,
  handoff: '',
  node: '',
  pinnedMs: 0,
} as const;

export const refusal = (request: string, { code, message, where, todo }: ShoalError): ActionAnswer => ({
  ...EMPTY,
  request,
  ok: false,
  code,
  detail: fitSentence(message),
  where: [...fitSentence(where)].slice(0, 64).join(''),
  todo: fitSentence(todo),
});

export const inside = (cause: unknown): ShoalError =>
  new ShoalError(
    'SHOAL_INTERNAL',
    'the agent failed inside; its log says how',
    '',
    'Read the log and report it',
    {
      cause,
    },
  );

export const busy = (peer: string, { request }: Action, underWay: number): ActionAnswer =>
  refusal(
    request,
    new ShoalError(
      'SHOAL_PEER_BUSY',
      `${underWay} changes of this peer are under way`,
      peer,
      'Ask again later',
    ),
  );
