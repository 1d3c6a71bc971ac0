/** Programmer errors crash at once, here and in production: a wrong assumption about a VM must not travel on. */
export default function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
