import { type Map as MapLibreMap, Marker } from "maplibre-gl";
import { h } from "../dom";
import type { Fleet } from "../live/fleet";
import { type Group, SIGNS } from "./alerts";

/** More marks than this would hide the map that they are about. */
const MOST_MARKS = 120;

interface Mark {
  marker: Marker;
  element: HTMLElement;
  group: Group;
}

/** Groups about the same thing or area are one mark: the gravest of them that waits speaks, or the gravest. */
export function atOnePlace(groups: readonly Group[]): Group[] {
  const places = new Map<string, Group>();
  for (const group of groups) {
    const { asset, area, lon, lat } = group.head;
    const key = asset !== null ? `asset ${asset.id}` : area !== null ? `area ${area.id}` : `${lon} ${lat}`;
    const before = places.get(key);
    if (before === undefined) {
      places.set(key, { ...group, key });
      continue;
    }
    const alerts = [...before.alerts, ...group.alerts];
    const isGraver = urgency(group) < urgency(before);
    places.set(key, { ...(isGraver ? group : before), key, alerts });
  }
  return [...places.values()];
}

/** What should be seen first has the least. */
function urgency({ alerts, grade }: Group): number {
  return (alerts.some(({ state }) => state === "raised") ? 0 : 10) + grade;
}

/** Alerts on the map: a slow ring while somebody should look, then a steady mark. */
export class Marks {
  private readonly marks = new Map<string, Mark>();

  /** @param onPick called with the id of the alert that was clicked */
  constructor(
    private readonly map: MapLibreMap,
    private readonly fleet: Fleet,
    private readonly onPick: (id: number) => void,
  ) {}

  /** Shows these groups; the gravest and newest where there are too many. */
  show(groups: readonly Group[], selected: number | null): void {
    const placed = atOnePlace(groups.filter(({ head }) => head.lon !== null && head.lat !== null));
    const urgent = placed.sort((a, b) => urgency(a) - urgency(b));
    const wanted = new Map(urgent.slice(0, MOST_MARKS).map((group) => [group.key, group]));
    for (const [key, { marker }] of this.marks) {
      if (wanted.has(key)) continue;
      marker.remove();
      this.marks.delete(key);
    }
    for (const [key, group] of wanted) this.put(key, group, selected);
  }

  /** Lets marks follow the things that the live frames show. */
  follow(): void {
    for (const { marker, group } of this.marks.values()) {
      const at = this.placeOf(group);
      const before = marker.getLngLat();
      if (before.lng !== at[0] || before.lat !== at[1]) marker.setLngLat(at);
    }
  }

  private put(key: string, group: Group, selected: number | null): void {
    let mark = this.marks.get(key);
    if (mark === undefined) {
      const element = h("button", { type: "button", class: "mark", onclick: (event) => this.picked(event, key) });
      element.append(h("span", { class: "mark-ring" }), h("span", { class: "mark-sign" }));
      const marker = new Marker({ element }).setLngLat(this.placeOf(group)).addTo(this.map);
      mark = { marker, element, group };
      this.marks.set(key, mark);
    }
    mark.group = group;
    const { element } = mark;
    const { head } = group;
    element.dataset.grade = String(group.grade);
    element.classList.toggle("raised", group.alerts.some(({ state }) => state === "raised"));
    element.classList.toggle("chosen", group.alerts.some(({ id }) => id === selected));
    element.setAttribute("aria-label", `${head.grade_name} ${head.title} ${head.subject}`);
    element.title = `${head.title} · ${head.subject}`;
    const [, sign] = element.children;
    sign.textContent = SIGNS[group.grade];
  }

  private picked(event: Event, key: string): void {
    // The map below would take the click for one beside everything.
    event.stopPropagation();
    const mark = this.marks.get(key);
    if (mark !== undefined) this.onPick(mark.group.head.id);
  }

  private placeOf({ head }: Group): [number, number] {
    const thing = head.asset === null ? null : this.fleet.find(head.asset.id);
    return thing === null ? [head.lon ?? 0, head.lat ?? 0] : [thing.lon, thing.lat];
  }
}
