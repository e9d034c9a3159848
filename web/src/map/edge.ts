import { LayerExtension } from "@deck.gl/core";
import { LOOKS } from "../live/store";
import { CELL_PX } from "./glyphs";

/** The atlas has two columns per look: the column tells the look. */
const column = (look: (typeof LOOKS)[number]): string => `${LOOKS.indexOf(look) * 2}.0`;

/**
 * For IconLayers over the glyph atlas: keeps the atlas' black dark where an IconLayer would tint everything, for a dark
 * edge keeps neighbours apart; and lifts alerts above the crowd, with what is off or silent beneath it.
 */
export class EdgeExtension extends LayerExtension {
  static override extensionName = "EdgeExtension";

  override getShaders(): unknown {
    return {
      inject: {
        "vs:#main-end": `float atlasColumn = instanceIconFrames.x / ${CELL_PX}.0;
if (atlasColumn >= ${column("off")}) gl_Position.z += 0.0002 * gl_Position.w;
else if (atlasColumn >= ${column("alert")}) gl_Position.z -= 0.0002 * gl_Position.w;
`,
        "fs:#main-end": "if (picking.isActive < 0.5) fragColor.rgb *= texColor.r;\n",
      },
    };
  }
}

/** For an IconLayer over the glyph atlas: draws the tick of an upright glyph, in the atlas' row below it, instead of the glyph. */
export class TickExtension extends LayerExtension {
  static override extensionName = "TickExtension";

  override getShaders(): unknown {
    return { inject: { "vs:#main-end": `vTextureCoords.y += ${CELL_PX}.0 / float(icon.iconsTextureDim.y);\n` } };
  }
}
