import { type Layer, LayerExtension } from "@deck.gl/core";
import type { Rgb } from "../tokens";

function vec3(colour: Rgb): string {
  return `vec3(${colour.map((part) => (part / 255).toFixed(4)).join(", ")})`;
}

/** Colours of a ring's parts, clockwise from the top. */
export interface DonutColours {
  alert: Rgb;
  working: Rgb;
  calm: Rgb;
  silent: Rgb;
}

/** Turns the discs of a ScatterplotLayer into rings that show shares by state; `getShares` gives alert, working, calm (the rest is silent). */
export class DonutExtension extends LayerExtension<DonutColours> {
  static override extensionName = "DonutExtension";
  static override defaultProps = { getShares: { type: "accessor", value: [0, 0, 0] } };

  override getShaders(this: Layer, extension: this): unknown {
    const { alert, working, calm, silent } = extension.opts;
    return {
      inject: {
        "vs:#decl": "in vec3 instanceShares;\nout vec3 vShares;\nout float vDiscPixels;\nout float vRingAlpha;\n",
        "vs:#main-end": "vShares = instanceShares;\nvDiscPixels = outerRadiusPixels;\nvRingAlpha = 0.95 * layer.opacity;\n",
        "fs:#decl": "in vec3 vShares;\nin float vDiscPixels;\nin float vRingAlpha;\n",
        "fs:DECKGL_FILTER_COLOR": `
float fromEdge = (1.0 - length(geometry.uv)) * vDiscPixels;
float ring = max(3.5, vDiscPixels * 0.13);
float turn = fract(atan(geometry.uv.x, geometry.uv.y) / 6.2831853 + 1.0);
vec3 part = turn < vShares.x ? ${vec3(alert)}
  : turn < vShares.x + vShares.y ? ${vec3(working)}
  : turn < vShares.x + vShares.y + vShares.z ? ${vec3(calm)}
  : ${vec3(silent)};
float inRing = 1.0 - smoothstep(ring - 0.7, ring + 0.7, fromEdge);
color = vec4(mix(color.rgb, part, inRing), mix(color.a, max(color.a, vRingAlpha) * step(0.01, color.a), inRing));
`,
      },
    };
  }

  override initializeState(this: Layer): void {
    this.getAttributeManager()?.addInstanced({ instanceShares: { size: 3, accessor: "getShares" } });
  }
}
