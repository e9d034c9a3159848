import type { Layer } from "@deck.gl/core";
import { TextLayer } from "@deck.gl/layers";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { LABEL_FONT } from "./basemap";
import { GlideExtension } from "./glide";

const FONT_WEIGHT = 500;

/** A text over the map. */
export interface Label {
  text: string;
  position: [lon: number, lat: number];
  /** As in `KindStore.glides`, for a text that moves with a thing. */
  glide: [dlon: number, dlat: number, start: number];
  /** Pixels. */
  size: number;
  shift: [dx: number, dy: number];
  colour: Rgb;
}

/**
 * Draws texts over everything else, with a dark rim. deck.gl keeps a letter as it was first drawn: a text waits until the
 * parts of the page's font that it needs have come.
 */
export class Lettering {
  private readonly glide = new GlideExtension();
  private readonly rim: Rgb;
  private readonly loaded = new Set<string>();
  private readonly asked = new Set<string>();
  private letters = "";

  /** @param onLoaded called when texts that waited can be drawn */
  constructor(
    tokens: Tokens,
    private readonly onLoaded: () => void,
  ) {
    this.rim = rgb(tokens.ground);
  }

  /**
   * The labels' layer, or none while no letter is there.
   *
   * @param glideClock seconds, see `GlideExtension`
   */
  layers(id: string, labels: readonly Label[], glideClock: () => number): Layer[] {
    this.load(labels);
    if (this.letters === "") return [];
    const layer = new TextLayer({
      id,
      data: labels.filter(({ text }) => [...text].every((letter) => this.loaded.has(letter))),
      getText: (label: Label) => label.text,
      getPosition: (label: Label) => label.position,
      getSize: (label: Label) => label.size,
      getColor: (label: Label) => [...label.colour],
      getPixelOffset: (label: Label) => label.shift,
      fontFamily: `"${LABEL_FONT}", sans-serif`,
      fontWeight: FONT_WEIGHT,
      characterSet: this.letters,
      fontSettings: { sdf: true, fontSize: 40, buffer: 8, radius: 10, cutoff: 0.25 },
      outlineWidth: 4,
      outlineColor: [...this.rim, 235],
      extensions: [this.glide],
      glideClock,
      getGlide: (label: Label) => label.glide,
      parameters: { depthCompare: "always" },
    } as never);
    return [layer];
  }

  private load(labels: readonly Label[]): void {
    const missing = new Set<string>();
    for (const { text } of labels) for (const letter of text) if (!this.asked.has(letter)) missing.add(letter);
    if (missing.size === 0) return;
    const letters = [...missing].join("");
    for (const letter of missing) this.asked.add(letter);
    const arrived = (): void => {
      for (const letter of missing) this.loaded.add(letter);
      this.letters += letters;
      this.onLoaded();
    };
    // Without the font the texts are drawn with the computer's own: better than none.
    document.fonts.load(`${FONT_WEIGHT} 24px "${LABEL_FONT}"`, letters).then(arrived, arrived);
  }
}
