/** One YAML document from a person or a stranger, read in bounded time and depth. Pure. */
import { type Document, LineCounter, parseDocument } from 'yaml';

/**
 * Nested deeper than this nothing of ours is. The library goes one call deeper with each level, and where that ends the
 * stack within a regular expression that is being compiled, V8 ends the process.
 */
const DEPTH_MAX = 64;
/** Each level of a block is indented, or begins within the line: `- - a`. */
const INDENT_MAX = 2 * DEPTH_MAX;

export type Yaml = {
  doc: Document.Parsed;
  /** What is wrong with it, and in which line (from 1), in the order of the text. Empty: nothing. */
  faults: { what: string; line: number }[];
  lineAt(offset: number): number;
};

export function readYaml(text: string): Yaml {
  const lines = new LineCounter();
  const deep = tooDeep(text);
  // What the library would add to each error, an excerpt of the text, takes 13 s for 64 KiB that are all errors.
  const doc = parseDocument(deep ? '' : text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const faults = doc.errors.map(({ message, pos: [at] }) => ({ what: message, line: lineAt(at) }));
  return { doc, faults: deep ? [deep] : faults, lineAt };
}

/** Counts brackets in quotes too, and closed ones that were never open: no honest text has so many of those either. */
function tooDeep(text: string): Yaml['faults'][number] | undefined {
  let depth = 0;
  let line = 0;
  for (const words of text.split('\n')) {
    line += 1;
    const indent = words.length - words.replace(/^[\s?:-]+/, '').length;
    for (const char of words) {
      if (char === '[' || char === '{') depth += 1;
      else if (char === ']' || char === '}') depth -= 1;
      if (Math.abs(depth) > DEPTH_MAX || indent > INDENT_MAX)
        return { what: `it is nested more than ${DEPTH_MAX} deep`, line };
    }
  }
  return undefined;
}
