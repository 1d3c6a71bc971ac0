/** Colour for a terminal, none for anything else (https://no-color.org). */
export type Style = {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export const wantsColour = (isTty: boolean, env: Environment): boolean => isTty && !isPlain(env);

/** Nothing but ASCII, line by line. */
export const isPlain = (env: Environment): boolean => !!env.NO_COLOR || env.TERM === 'dumb';

/** `COLUMNS` (POSIX, XBD 8.3) goes before what the terminal says; undefined when it is none. */
export function columnsOf(env: Environment): number | undefined {
  const columns = Number(env.COLUMNS);
  return Number.isSafeInteger(columns) && columns > 0 ? columns : undefined;
}

export function style(colour: boolean): Style {
  // Select Graphic Rendition (ECMA-48): weight and colour on, then back to the default.
  const paint = (on: number, off: number) => (text: string) =>
    colour && text ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    good: paint(32, 39),
    warn: paint(33, 39),
    bad: paint(31, 39),
  };
}
