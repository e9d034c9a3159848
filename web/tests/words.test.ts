import { afterEach, expect, it } from "vitest";
import { setWords, t } from "../src/words";
import words from "../src/words.json";

const table: Record<string, string> = words;
const sources = import.meta.glob<string>("../src/**/*.ts", { query: "?raw", import: "default", eager: true });
const used = new Set(
  Object.values(sources).flatMap((source) => [...source.matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)].map((found) => found[1])),
);

afterEach(() => setWords({}));

it("lists every msgid, and no other, with its English", () => {
  expect(used.size).toBeGreaterThan(40);
  expect([...used].filter((msgid) => !table[msgid])).toEqual([]);
  expect(Object.keys(table).filter((msgid) => !used.has(msgid))).toEqual([]);
});

it("keeps the places for values in both languages", () => {
  const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [msgid, english] of Object.entries(table)) expect(places(english)).toEqual(places(msgid));
});

it("never writes Chinese past the dictionary", () => {
  const stray = Object.entries(sources).flatMap(([path, source]) => {
    const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "").replace(/\bt\(\s*"(?:[^"\\]|\\.)*"/g, "");
    // Names of languages are written in their own language everywhere.
    return [...code.replace('"中文"', "").matchAll(/[\u4e00-\u9fff]+/g)].map((found) => `${path}: ${found[0]}`);
  });
  expect(stray).toEqual([]);
});

it("shows Chinese where the table has nothing", () => {
  expect(t("{n} 秒前", { n: 12 })).toBe("12 秒前");
  setWords({ "{n} 秒前": "{n} s ago" });
  expect(t("{n} 秒前", { n: 12 })).toBe("12 s ago");
  expect(t("实时")).toBe("实时");
});
