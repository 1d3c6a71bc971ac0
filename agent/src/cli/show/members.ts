/** Members as a table. */
import type { MemberStatus } from '../../edge/http/api.types.ts';
import type { Style } from '../style.ts';
import { type Column, table } from '../table.ts';

function state({ state, connected }: MemberStatus, style: Style): string {
  if (state === 'removed') return style.dim('removed');
  return connected ? style.good('connected') : style.bad('not connected');
}

export function membersInFull(rows: readonly MemberStatus[], style: Style): string[] {
  const columns: Column<MemberStatus>[] = [
    { title: 'NAME', cell: m => m.name },
    { title: 'STATE', cell: m => state(m, style) },
    { title: 'BY', cell: m => m.by },
    { title: 'ID', cell: m => m.id },
    { title: 'ADDRESSES', cell: m => m.addresses.join(' ') },
  ];
  return rows.length > 0 ? table(columns, rows, style) : ['No member is known.'];
}
