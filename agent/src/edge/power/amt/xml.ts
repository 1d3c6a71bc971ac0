/**
 * XML of a firmware as a tree of names: prefixes mean nothing, {namespace}local does. No document type, bounded depth: what answers
 * on that port need not be an AMT.
 */
import { SaxesParser } from 'saxes';

export type Element = { uri: string; local: string; text: string; children: Element[] };

const DEPTH_MAX = 64;

/** Throws an Error that says what is wrong with it. */
export function parseXml(xml: string): Element {
  const root: Element = { uri: '', local: '', text: '', children: [] };
  const open: Element[] = [root];
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', error => {
    throw error;
  });
  parser.on('doctype', () => {
    throw new Error('it has a document type');
  });
  parser.on('opentag', ({ uri, local }) => {
    if (open.length > DEPTH_MAX) throw new Error(`it is more than ${DEPTH_MAX} deep`);
    const element: Element = { uri, local, text: '', children: [] };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  const add = (text: string) => {
    const element = open.at(-1);
    if (element) element.text += text;
  };
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('closetag', () => void open.pop());
  parser.write(xml).close();
  const [first] = root.children;
  if (!first) throw new Error('it has no element');
  return first;
}

/** The first of that name, in the order of the document. */
export function find(element: Element, uri: string, local: string): Element | undefined {
  if (element.uri === uri && element.local === local) return element;
  for (const child of element.children) {
    const found = find(child, uri, local);
    if (found) return found;
  }
  return undefined;
}

export const textOf = (element: Element | undefined): string => element?.text.trim() ?? '';
