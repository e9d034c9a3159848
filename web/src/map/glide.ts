import { type Layer, LayerExtension } from "@deck.gl/core";
import { GLIDE_S } from "../live/fleet";

const glideModule = {
  name: "glide",
  vs: `layout(std140) uniform glideUniforms {
  float now;
  float duration;
} glide;
`,
  uniformTypes: { now: "f32", duration: "f32" },
} as const;

export interface GlideProps {
  /** The glide clock, seconds; asked at each drawing. */
  glideClock: () => number;
}

/**
 * Lets a layer's instances glide from where they were drawn to where they were reported, on the GPU: the
 * attribute `getGlide` (difference in degrees, and start on the glide clock) and one number per drawing are
 * all it takes, so a frame in between costs no work per thing.
 *
 * The shift goes into the low part of the position, where it keeps its precision. deck.gl reads that part
 * above zoom 12; below, a glide is less than a pixel.
 */
export class GlideExtension extends LayerExtension {
  static override extensionName = "GlideExtension";
  static override defaultProps = {
    glideClock: { type: "function", value: () => 0 },
    getGlide: { type: "accessor", value: [0, 0, 0] },
  };

  override getShaders(): unknown {
    return {
      modules: [glideModule],
      inject: {
        "vs:#decl": "in vec3 instanceGlides;\n",
        "vs:#main-start": `float glideLeft = clamp(1.0 - (glide.now - instanceGlides.z) / glide.duration, 0.0, 1.0);
vec3 instancePositions64Low = instancePositions64Low + vec3(instanceGlides.xy * glideLeft, 0.0);
`,
      },
    };
  }

  override initializeState(this: Layer): void {
    this.getAttributeManager()?.addInstanced({ instanceGlides: { size: 3, accessor: "getGlide" } });
  }

  override draw(this: Layer<GlideProps>): void {
    this.setShaderModuleProps({ glide: { now: this.props.glideClock(), duration: GLIDE_S } });
  }
}
