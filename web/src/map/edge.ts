import { LayerExtension } from "@deck.gl/core";

/** Keeps the atlas' black dark where an IconLayer would tint everything: a dark edge keeps neighbours apart. */
export class EdgeExtension extends LayerExtension {
  static override extensionName = "EdgeExtension";

  override getShaders(): unknown {
    return { inject: { "fs:#main-end": "if (picking.isActive < 0.5) fragColor.rgb *= texColor.r;\n" } };
  }
}
