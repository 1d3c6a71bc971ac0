/** What of an address is one caller's, for limits that hold for a caller. */
import { isIPv6 } from 'node:net';

/** As a dual-stack socket shows IPv4 (RFC 4291, 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The /64 of an IPv6 address, as `2001:db8:0:1::/64`: a host takes any address in it that it likes (RFC 4862), so that it is
 * no more than one. IPv4, mapped or not, is told apart by address; what is no address is returned as it is.
 */
export function networkOf(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [plain = ''] = address.split('%');
  const [head = [], tail = []] = plain.split('::').map(side => side.split(':').filter(group => group !== ''));
  const written = head.length + tail.length + (plain.includes('.') ? 1 : 0);
  const gap = Array.from({ length: 8 - written }, () => '0');
  const upper = [...head, ...gap, ...tail].slice(0, 4).map(group => Number.parseInt(group, 16).toString(16));
  return `${upper.join(':')}::/64`;
}
