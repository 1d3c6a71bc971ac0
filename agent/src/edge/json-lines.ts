/**
 * Newline-delimited JSON objects from a process of another user (a VMM, a page server): it may be broken into and send
 * anything. What is no line of an object ends the conversation; nothing of it is thrown into the event loop.
 */

/** What came was no line of JSON with an object in it, or too long for one. */
export class BadLine extends Error {}

export class JsonLines {
  readonly #max: number;
  #held = '';

  /** `max`: characters of the longest line. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The objects of all lines that are whole now; throws `BadLine`, after which the stream is lost. */
  push(text: string): Record<string, unknown>[] {
    const lines = (this.#held + text).split('\n');
    this.#held = lines.pop() ?? '';
    if (this.#held.length > this.#max || lines.some(line => line.length > this.#max))
      throw new BadLine(`a line of more than ${this.#max} characters`);
    return lines.filter(line => line.trim() !== '').map(objectOf);
  }
}

function objectOf(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new BadLine(`no JSON: ${line.slice(0, 80)}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new BadLine(`no JSON object: ${line.slice(0, 80)}`);
}
