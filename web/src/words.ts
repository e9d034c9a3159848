/**
 * Words on the screen. The msgid IS the Chinese text; the page's boot data carries the table of the
 * chosen language, keyed by msgid. `words.json` lists every msgid with its English.
 */
let table: Readonly<Record<string, string>> = {};

/** Sets the table of the chosen language; a msgid it lacks is shown in Chinese. */
export function setWords(words: Readonly<Record<string, string>>): void {
  table = words;
}

/** The text for a msgid, with `{name}` replaced from `values`. */
export function t(msgid: string, values: Readonly<Record<string, string | number>> = {}): string {
  const text = table[msgid] || msgid;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
