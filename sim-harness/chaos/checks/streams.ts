/**
 * Handoffs by QEMU's own post-copy: all memory goes by one stream, which QEMU 7.2 cannot always take up again. One that
 * was broken may cost the VM its memory, or leave it without some pages for good; one that was not, may not. Pure.
 */

/** Times: CLOCK_MONOTONIC, ns. `toNs`: infinite until both sides have said that it is over. */
export type Stream = { handoff: string; vm: string; nodes: [string, string]; fromNs: number; toNs: number };

/**
 * `vm`: only its stream; empty: every one between these nodes, in either direction, or away from the one that is named.
 * `loads`: those to the one that is named, and only while the device state is loaded there.
 */
export type Break = {
  vm: string;
  nodes: [string, string] | [string];
  fromNs: number;
  toNs: number;
  loads?: true;
};

const between = (a: readonly string[], b: readonly string[]): boolean =>
  [...a].sort().join(' ') === [...b].sort().join(' ');

const hits = (stream: Stream, { vm, nodes, fromNs, toNs, loads }: Break): boolean =>
  (vm !== ''
    ? vm === stream.vm
    : nodes.length === 1
      ? nodes[0] === stream.nodes[loads ? 1 : 0]
      : between(nodes, stream.nodes)) &&
  fromNs <= stream.toNs &&
  toNs >= stream.fromNs;

export type Broken = Stream & { brokenNs: number };

const struck = (streams: readonly Stream[], breaks: readonly Break[]): Broken[] =>
  streams.flatMap(stream => {
    const moments = breaks.filter(b => hits(stream, b)).map(b => Math.max(b.fromNs, stream.fromNs));
    return moments.length > 0 ? [{ ...stream, brokenNs: Math.min(...moments) }] : [];
  });

/** Those that were broken, each with the moment of its first break. */
export const broken = (streams: readonly Stream[], breaks: readonly Break[]): Broken[] =>
  struck(
    streams,
    breaks.filter(b => !b.loads),
  );

/** Those whose target could not load: the guest never ran there, and its source is past the point of return. */
export const unloaded = (streams: readonly Stream[], breaks: readonly Break[]): Broken[] =>
  struck(
    streams,
    breaks.filter(b => b.loads),
  );
