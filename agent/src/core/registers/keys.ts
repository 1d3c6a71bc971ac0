/** Which key belongs to whom, and who may write it (protocol/README.md, Registers). Pure. */

/** Kinds that only an operator writes. Every other kind's second part is the node that it belongs to. */
const OPERATOR_KINDS = new Set(['member', 'mesh']);

export const memberKey = (node: string): string => `member/${node}`;
export const pauseKey = (node: string): string => `pause/${node}`;
export const cordonKey = (node: string): string => `cordon/${node}`;
export const modeKey = (node: string): string => `mode/${node}`;

/** The node that a key belongs to, by its form alone; undefined = the mesh, so an operator writes it. */
export function ownerOf(key: string): string | undefined {
  const [kind = '', owner] = key.split('/');
  return OPERATOR_KINDS.has(kind) ? undefined : owner;
}

/** `isOperator` and `isMember` are this node's own lists. */
export type Trust = { isOperator(id: string): boolean; isMember(id: string): boolean };

/** An operator writes everything; a node writes what belongs to it, while it is a member. */
export function mayWrite(key: string, author: string, trust: Trust): boolean {
  if (trust.isOperator(author)) return true;
  return ownerOf(key) === author && trust.isMember(author);
}
