import { type Layer, LayerExtension } from "@deck.gl/core";
import { LineLayer } from "@deck.gl/layers";
import { TRAIL_S, type Trails } from "../live/trails";

const fadeModule = {
  name: "fade",
  vs: `layout(std140) uniform fadeUniforms {
  float now;
  float span;
} fade;
`,
  uniformTypes: { now: "f32", span: "f32" },
} as const;

interface FadeProps {
  /** Seconds, asked at each drawing. */
  fadeClock: () => number;
}

/** Lets a line fade with the age of its end (`getTime`, seconds) on the GPU, until nothing of it is left. */
export class FadeExtension extends LayerExtension {
  static override extensionName = "FadeExtension";
  static override defaultProps = {
    fadeClock: { type: "function", value: () => 0 },
    getTime: { type: "accessor", value: 0 },
  };

  override getShaders(): unknown {
    return {
      modules: [fadeModule],
      inject: {
        "vs:#decl": "in float instanceTimes;\n",
        "vs:#main-end": `float fresh = clamp(1.0 - (fade.now - instanceTimes) / fade.span, 0.0, 1.0);
vColor.a *= fresh * fresh * 0.8;
`,
      },
    };
  }

  override initializeState(this: Layer): void {
    this.getAttributeManager()?.addInstanced({ instanceTimes: { size: 1, accessor: "getTime" } });
  }

  override draw(this: Layer<FadeProps>): void {
    this.setShaderModuleProps({ fade: { now: this.props.fadeClock(), span: TRAIL_S } });
  }
}

const extensions = [new FadeExtension()];

/**
 * The trails of moving things, as one layer.
 *
 * @param now_ms the server's time
 */
export function trailLayer(trails: Trails, now_ms: () => number, width_px: number): Layer {
  const { length, from, to, times, colours } = trails.pieces();
  return new LineLayer({
    id: "trails",
    data: {
      length,
      attributes: {
        getSourcePosition: { value: from, size: 2 },
        getTargetPosition: { value: to, size: 2 },
        getColor: { value: colours, size: 4 },
        getTime: { value: times, size: 1 },
      },
    },
    getWidth: width_px,
    widthUnits: "pixels",
    fadeClock: () => (now_ms() - trails.epoch_ms) / 1000,
    extensions,
  } as never);
}
