/** Colour for a terminal, none for anything else (https://no-color.org). */
export type Style = {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export const wantsColour = (isTty: boolean, env: Environment): boolean =>
  isTty && !env.NO_COLOR && env.TERM !== 'dumb';

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
