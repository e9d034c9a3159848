import { Tile3DLayer } from "@deck.gl/geo-layers";
import { MapLibreOverlay } from "@deck.gl/maplibre";
import type { Map as MapLibreMap } from "maplibre-gl";
import type { TilesetInfo } from "./layerinfo";

/** Sharp enough for a wall, and a few tiles at a time. */
const ERROR_PX = 12;

/**
 * Buildings from 3D Tiles, drawn among the map's own layers and with its depth, so that fences before and behind them
 * are seen right. They are drawn when the map is; what moves above them has a canvas of its own.
 */
export class Buildings {
  private readonly overlay = new MapLibreOverlay({ interleaved: true, layers: [] });

  /**
   * @param below id of the map layer that is drawn over them
   * @param onProblem called when a tile cannot be read
   */
  constructor(
    map: MapLibreMap,
    private readonly tilesets: readonly TilesetInfo[],
    private readonly below: string,
    private readonly onProblem: (what: string) => void,
  ) {
    map.addControl(this.overlay as never);
  }

  show(isShown: boolean): void {
    const layers = isShown ? this.tilesets.map((tileset) => this.layer(tileset)) : [];
    this.overlay.setProps({ layers });
  }

  private layer({ name, url }: TilesetInfo): Tile3DLayer {
    return new Tile3DLayer({
      id: `tileset-${name}`,
      data: url,
      beforeId: this.below,
      // Workers of the loaders would come from another server.
      loadOptions: { core: { worker: false }, tileset: { maximumScreenSpaceError: ERROR_PX } },
      onTileError: (_tile: unknown, _url: string, message: string) => this.onProblem(message),
    } as never);
  }
}
