/** Values of registers are JSON, and a newer version may have written what this one does not know. Pure. */

/** Undefined: it is not JSON. */
export function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** Undefined: it is not a JSON object. */
export function parsedFields(value: string): Record<string, unknown> | undefined {
  const said = parsed(value);
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return undefined;
  return said as Record<string, unknown>;
}
