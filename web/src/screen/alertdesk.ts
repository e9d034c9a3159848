import type { Fleet } from "../live/fleet";
import type { MapCanvas } from "../map/canvas";
import type { Clock } from "../time";
import type { NearCamera } from "../video/api";
import { AlertCard } from "./alertcard";
import { type Alert, AlertBook, type AlertMessage } from "./alerts";
import type { ScreenApi } from "./api";
import { Marks } from "./marks";
import { Tones } from "./tones";
import { Wall } from "./wall";

interface Handlers {
  /** An alert is being opened at this place, degrees; null where it has none. */
  onOpen(place: [lon: number, lat: number] | null): void;
  onAsset(id: number): void;
  /** The cameras around a place, degrees, are wanted, and opened. */
  onCameras(lon: number, lat: number, about: number | null): Promise<readonly NearCamera[]>;
  /** Somebody should look at an alert that was not there before. */
  onNew(): void;
  /** An alert has come, or has moved on. */
  onHeard(alert: Alert): void;
  /** What is open has changed; `raised` are those that nobody has looked at. */
  onShow(open: readonly Alert[], raised: readonly Alert[]): void;
}

/** Everything about alerts on the screen: the column, the marks on the map, the opened one's card, the tone. */
export class AlertDesk {
  readonly book = new AlertBook();
  readonly wall: Wall;
  readonly card: AlertCard;
  readonly tones = new Tones();
  /** The opened alert. */
  id: number | null = null;
  private marks: Marks | null = null;
  /** The alerts of the moment that the map shows; null: those of now. */
  private then: AlertBook | null = null;
  private areMarked = true;
  private district = "";

  constructor(
    api: ScreenApi,
    clock: Clock,
    private readonly fleet: Fleet,
    private readonly handlers: Handlers,
  ) {
    this.wall = new Wall(clock, (id) => this.open(id));
    this.card = new AlertCard(api, clock, {
      onClose: () => this.close(),
      onAsset: (id) => handlers.onAsset(id),
      onCameras: (lon, lat, about) => handlers.onCameras(lon, lat, about),
      othersOf: ({ id, group }) => this.book.list().filter((each) => each.group === group && each.id !== id),
      onOther: (id) => this.open(id),
      onChanged: (alert) => this.hear(alert),
    });
  }

  /** Marks appear on the map from now on. */
  mark(canvas: MapCanvas): void {
    this.marks = new Marks(canvas.map, this.fleet, (id) => this.open(id));
    this.show();
  }

  /** Hears what the socket says; false where it is not about alerts. */
  told({ type, alerts, alert, truncated }: AlertMessage): boolean {
    if (type === "alerts" && alerts) {
      this.book.load(alerts, truncated ?? false);
      this.show();
    } else if (type === "alert" && alert) {
      this.hear(alert);
      this.handlers.onHeard(alert);
    } else {
      return false;
    }
    return true;
  }

  /** An alert has come, or has moved on. */
  private hear(alert: Alert): void {
    const isNew = this.book.take(alert);
    if (isNew && alert.state === "raised") {
      if (alert.sound) this.tones.play(alert.grade);
      this.handlers.onNew();
    }
    if (alert.id === this.id) this.card.refresh(alert.step);
    this.show();
  }

  /** Marks alerts on the map, or not; the column tells of them all the same. */
  showMarks(areMarked: boolean): void {
    this.areMarked = areMarked;
    this.show();
  }

  /** Looks into one district by its code, or at all (empty). */
  look(district: string): void {
    this.district = district;
    this.show();
  }

  /** Marks the alerts of a moment of the past on the map, null: those of now; the column always tells of now. */
  recall(alerts: readonly Alert[] | null): void {
    this.then = alerts === null ? null : new AlertBook();
    this.then?.load(alerts ?? [], false);
    this.show();
  }

  open(id: number): void {
    this.id = id;
    const alert = this.then?.get(id) ?? this.book.get(id);
    const thing = alert?.asset ? this.fleet.find(alert.asset.id) : null;
    const lon = thing?.lon ?? alert?.lon;
    const lat = thing?.lat ?? alert?.lat;
    this.handlers.onOpen(lon != null && lat != null ? [lon, lat] : null);
    void this.card.open(id);
    this.show();
  }

  close(): void {
    this.id = null;
    this.card.close();
    this.show();
  }

  /** Things have moved: the marks about them follow. */
  follow(): void {
    this.marks?.follow();
  }

  /** Once a second. */
  tick(): void {
    this.wall.tick();
    this.card.tick();
  }

  private show(): void {
    const { district, id } = this;
    this.wall.update(this.book, district, id);
    const book = this.then ?? this.book;
    const alerts = book.list(district);
    this.marks?.show(this.areMarked ? book.groups(alerts) : [], id);
    this.handlers.onShow(book.list(), alerts.filter(({ state }) => state === "raised"));
  }
}
