/** Tokens and the audit log: who may change this node, and who did. */
import { tokenKey, tokenValue } from '../core/registers/tokens.ts';
import type { AuditRow } from '../edge/people/audit.ts';
import { mint, type Role } from '../edge/people/token.ts';
import type { NewToken, TokenStatus } from '../edge/people/tokens.ts';
import { usage } from './arguments.ts';
import { moment } from './format.ts';
import { write } from './members.ts';
import { print, type Shell } from './shell.ts';
import { table } from './table.ts';

export type TokenWish = { role: Role; name: string; expires: number; key?: string };

/** With an operator's key: for all nodes, and made here, so that no agent ever sees it. */
export async function createToken(shell: Shell, { role, name, expires, key }: TokenWish): Promise<void> {
  if (key === undefined) return createHere(shell, role, name, expires);
  if (!/^[A-Za-z0-9._-]{0,63}$/.test(name))
    throw usage('that is no name', `--name ${name}`, 'Write letters, digits, dots and dashes, 63 at most');
  const { token, id, hash } = mint();
  const expiresAtMs = expires === 0 ? 0 : shell.now() + expires;
  const value = tokenValue({ role, name, hash, expiresAtMs });
  await write(shell, { key, dryRun: false }, [{ key: tokenKey(id), value }]);
  print(shell, { text: JSON.stringify({ token, id }), value: token }, () => [token]);
  if (!shell.json) shell.note('It is told this once. All nodes know it as soon as they hear of it.\n');
}

async function createHere(shell: Shell, role: string, name: string, ttlMs: number): Promise<void> {
  const body = JSON.stringify({ role, ttlMs, ...(name && { name }) });
  const answer = await shell.client.post<NewToken>('/v1/tokens', 'object', body);
  print(shell, answer, ({ token }) => [token]);
  if (shell.json) return;
  // On the other output, so that `shoal token create … > file` holds the token alone.
  shell.note(`It is told this once. For other nodes: shoal token add ${answer.value.record}\n`);
}

export async function listTokens(shell: Shell, records: boolean): Promise<void> {
  const answer = await shell.client.get<TokenStatus[]>('/v1/tokens', 'list');
  const at = (ms: number) => (ms === 0 ? 'never' : moment(ms, shell.now()));
  print(shell, answer, tokens => {
    if (tokens.length === 0) return ['This node knows no token.'];
    if (records) return tokens.map(t => t.record);
    const columns = [
      { title: 'TOKEN', cell: (t: TokenStatus) => t.id },
      { title: 'NAME', cell: (t: TokenStatus) => t.name },
      { title: 'OF', cell: (t: TokenStatus) => t.of },
      { title: 'ROLE', cell: (t: TokenStatus) => t.role },
      {
        title: 'STATE',
        cell: ({ state }: TokenStatus) => (state === 'valid' ? state : shell.style.warn(state)),
      },
      { title: 'MADE', cell: (t: TokenStatus) => at(t.createdAtMs) },
      { title: 'EXPIRES', cell: (t: TokenStatus) => at(t.expiresAtMs) },
    ];
    return table(columns, tokens, shell.style);
  });
}

export async function addToken(shell: Shell, record: string): Promise<void> {
  const body = JSON.stringify({ record });
  const answer = await shell.client.post<{ id: string }>('/v1/tokens/actions/add', 'object', body);
  print(shell, answer, ({ id }) => [`Token ${id} is known here too.`]);
}

/** With an operator's key its register goes too: then no node can know it again, whoever joins or leaves. */
export async function revokeToken(shell: Shell, token: string, { key }: { key?: string }): Promise<void> {
  const path = `/v1/tokens/${encodeURIComponent(token)}/actions/revoke`;
  const answer = await shell.client.post<{ id: string }>(path, 'object');
  if (key !== undefined)
    await write(shell, { key, dryRun: false }, [{ key: tokenKey(answer.value.id), value: '' }]);
  print(shell, answer, ({ id }) => [
    `Token ${id} is worth nothing any more, here and on every node that hears of it.`,
  ]);
}

export async function audit(shell: Shell, limit: number): Promise<void> {
  const answer = await shell.client.get<AuditRow[]>(`/v1/audit?limit=${limit}`, 'list');
  print(shell, answer, rows => {
    if (rows.length === 0) return ['Nothing was changed on this node yet.'];
    const { style } = shell;
    const result = ({ result, code, detail }: AuditRow) =>
      result === 'done'
        ? `${style.good(result)}${detail ? ` ${detail}` : ''}`
        : style.warn(code ? `${result} ${code}` : result);
    const columns = [
      { title: 'WHEN', cell: (r: AuditRow) => moment(r.atMs, shell.now()) },
      { title: 'WHO', cell: (r: AuditRow) => (r.name ? `${r.who} (${r.name})` : r.who) },
      { title: 'FROM', cell: (r: AuditRow) => r.from },
      { title: 'WHAT', cell: (r: AuditRow) => r.what },
      { title: 'OF', cell: (r: AuditRow) => r.subject },
      { title: 'NODE', cell: (r: AuditRow) => r.node },
      { title: 'RESULT', cell: result },
    ];
    return table(columns, rows, style);
  });
}
