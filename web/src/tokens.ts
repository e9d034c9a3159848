/** Colours of the shared design tokens, as the map (which cannot read CSS variables) needs them. */
export type Rgb = readonly [red: number, green: number, blue: number];

const FALLBACKS = {
  ground: "#0b1220",
  raised: "#121c2e",
  line: "#24324a",
  text: "#e6edf7",
  quiet: "#8fa3bf",
  accent: "#4cc2ff",
  "grade-red": "#ff4d4f",
  "grade-orange": "#ff9f40",
  "grade-yellow": "#ffd666",
  "grade-blue": "#5b9dff",
  working: "#3dd68c",
  idle: "#5b9dff",
  silent: "#5b6b84",
} as const;

export type TokenName = keyof typeof FALLBACKS;
export type Tokens = Readonly<Record<TokenName, string>>;

/** Reads the tokens in force on the page; a token the page lacks, or writes otherwise than `#rrggbb`, falls back to the dark wall's. */
export function readTokens(root: Element): Tokens {
  const style = getComputedStyle(root);
  const names = Object.keys(FALLBACKS) as TokenName[];
  return Object.fromEntries(
    names.map((name) => {
      const value = style.getPropertyValue(`--${name}`).trim();
      return [name, /^#[0-9a-f]{6}$/i.test(value) ? value : FALLBACKS[name]];
    }),
  ) as Record<TokenName, string>;
}

/** `#rrggbb` to three numbers 0–255. */
export function rgb(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}
