/**
 * The log of a run as a story that people can read: what is decided, offered, written down, run, ended and broken. Steps
 * of the tables are left out: what they come to is written down. Times to a tenth of a second: a call more or less of
 * the agent's is none of the story's business.
 */
const LEFT_OUT = [/ debug /, / info numbers of the rule /, / warn report not published/];

export function storyOf(lines: readonly string[]): string[] {
  return lines.filter(line => !LEFT_OUT.some(pattern => pattern.test(line))).map(shorter);
}

/** Handoffs by the first digits of their ids, and no fields that a sentence has said already. */
function shorter(line: string): string {
  return line
    .replace(/^ *(\d+\.\d)\d\d/, (_, time: string) => time.padStart(6))
    .replaceAll('-0000-4000-8000-000000000000', '')
    .replace(/,?"(decision|handoff|role|peer|pid|to|reason|code)":("[^"]*"|\d+)/g, '')
    .replace(/\{,/, '{')
    .replace(/ \{("vm":"[^"]*")?\}$/, '');
}
