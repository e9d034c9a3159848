import { Tile3DLayer } from "@deck.gl/geo-layers";
import { MapLibreOverlay } from "@deck.gl/maplibre";
import type { Map as MapLibreMap } from "maplibre-gl";
import type { Rgb } from "../tokens";
import type { TilesetInfo } from "./layerinfo";

/** Sharp enough for a wall, and a few tiles at a time. */
const ERROR_PX = 12;

/**
 * Buildings from 3D Tiles, drawn among the map's own layers and with its depth, so that fences before and behind them
 * are seen right. They are drawn when the map is; what moves above them has a canvas of its own.
 */
export class Buildings {
  private readonly overlay = new MapLibreOverlay({ interleaved: true, layers: [] });
  private layers: Tile3DLayer[] = [];

  /**
   * @param below id of the map layer that is drawn over them
   * @param colour by which their own is multiplied, so that they step back
   * @param onProblem called when a tile cannot be read
   */
  constructor(
    private readonly map: MapLibreMap,
    private readonly tilesets: readonly TilesetInfo[],
    private readonly below: string,
    private readonly colour: Rgb,
    private readonly onProblem: (what: string) => void,
  ) {
    map.addControl(this.overlay as never);
  }

  show(isShown: boolean): void {
    this.layers = isShown ? this.tilesets.map((tileset) => this.layer(tileset)) : [];
    const put = (): void => this.overlay.setProps({ layers: this.layers });
    put();
    // While tiles of the map are on their way, the overlay finds no place for them.
    if (!this.map.isStyleLoaded()) this.map.once("idle", put);
  }

  private layer({ name, url }: TilesetInfo): Tile3DLayer {
    return new Tile3DLayer({
      id: `tileset-${name}`,
      data: url,
      beforeId: this.below,
      // Workers of the loaders would come from another server.
      loadOptions: { core: { worker: false }, tileset: { maximumScreenSpaceError: ERROR_PX } },
      _subLayerProps: { scenegraph: { getColor: [...this.colour, 255] } },
      onTileError: (_tile: unknown, _url: string, message: string) => this.onProblem(message),
    } as never);
  }
}
