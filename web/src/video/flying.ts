import type { AssetDetail } from "../api";
import type { Sighting } from "../live/fleet";
import { t } from "../words";
import type { Pose } from "./geometry";

/** Further than this nobody makes anything out, metres. */
export const REACH_M = 1500;
/** Of a lens nobody has told of: a usual one of 24 mm, in pictures of 16:9. */
const USUAL = { view_deg: 72, view_v_deg: 44 };
const DOWN_DEG = -90;

/** What a thing in the air sees, and what of it is only taken to be so. */
export interface Flight {
  pose: Pose;
  /** For the card. */
  words: string;
  isAssumed: boolean;
}

/**
 * Reads how a flying camera hangs in the air from what its carrier reports.
 *
 * Reported values: `gimbal_pitch_deg` (0 level, -90 straight down), `gimbal_yaw_deg` (from north; the carrier's heading
 * where missing), `height_m` (above ground; the altitude where missing), `view_deg`, `view_v_deg`.
 *
 * @param live the thing in the frames, which are newer than its details; null: it is not there
 * @param lens openings that are kept with the camera it carries
 * @returns null where it reports neither gimbal nor camera, or no height
 */
export function flightOf(
  { state }: Pick<AssetDetail, "state">,
  live: Sighting | null,
  lens: { view_deg: number | null; view_v_deg: number | null } | null,
): Flight | null {
  if (state === null) return null;
  const said = (name: string): number | null => {
    const value = state.attrs?.[name];
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  };
  const pitch = said("gimbal_pitch_deg");
  if (pitch === null && lens === null) return null;
  const live_alt = live === null || Number.isNaN(live.alt_m) ? state.alt_m : live.alt_m;
  const height_m = said("height_m") ?? live_alt;
  if (height_m === null || height_m <= 0) return null;
  const heading = live === null || Number.isNaN(live.heading_deg) ? state.heading_deg : live.heading_deg;
  const yaw = said("gimbal_yaw_deg") ?? heading;
  const view_deg = said("view_deg") ?? lens?.view_deg ?? null;
  const view_v_deg = said("view_v_deg") ?? lens?.view_v_deg ?? null;
  const guessed = [
    pitch === null ? t("云台俯仰按垂直向下") : "",
    yaw === null ? t("朝向按正北") : "",
    view_deg === null ? t("视场角按 {n}°", { n: USUAL.view_deg }) : "",
  ].filter((word) => word !== "");
  const pose: Pose = {
    lon: live?.lon ?? state.lon,
    lat: live?.lat ?? state.lat,
    height_m,
    yaw_deg: yaw ?? 0,
    pitch_deg: pitch ?? DOWN_DEG,
    view_deg: view_deg ?? USUAL.view_deg,
    view_v_deg: view_v_deg ?? (view_deg === null ? USUAL.view_v_deg : (view_deg * 9) / 16),
  };
  const facts = [t("俯仰 {n}°", { n: Math.round(pose.pitch_deg) }), t("离地 {n} 米", { n: Math.round(height_m) })];
  return { pose, words: [...facts, ...guessed].join(" · "), isAssumed: guessed.length > 0 };
}
