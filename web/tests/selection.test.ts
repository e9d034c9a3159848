import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError, fetchAsset, fetchTrack } from "../src/api";
import { Selection } from "../src/map/selection";
import { Clock } from "../src/time";

vi.mock("../src/api", async (original) => ({ ...(await original<object>()), fetchAsset: vi.fn(), fetchTrack: vi.fn() }));

const card = { open: vi.fn(), showDetail: vi.fn(), showState: vi.fn(), showNoState: vi.fn(), showTrack: vi.fn(), showTrackProblem: vi.fn() };

beforeEach(() => {
  vi.useFakeTimers();
  vi.mocked(fetchAsset).mockResolvedValue({ id: 7, kind: "machine", name: "焊机", code: "M-7", state: null } as never);
});
afterEach(() => void vi.useRealTimers());

function selected(): Selection {
  const deps = {
    fleet: { find: () => null }, card, clock: new Clock("zh-hans", "Asia/Shanghai"), notices: { note: vi.fn() }, assetsUrl: "/api/assets",
    kindByKey: () => undefined, kindByCode: () => undefined, onChange: vi.fn(), onSelect: vi.fn(), onSignedOut: vi.fn(),
  };
  const selection = new Selection(deps as never);
  selection.select(7);
  return selection;
}

function answer(points: number): never {
  const now = Date.now();
  return { points: Array.from({ length: points }, (_, i) => [121 + i / 1000, 31, now - i * 1000, null]), truncated: false, distance_m: 0, stays: [] } as never;
}

async function seconds(n: number, selection: Selection): Promise<void> {
  for (let i = 0; i < n; i++) {
    await vi.advanceTimersByTimeAsync(1000);
    selection.tick();
  }
}

it("shows reports of the past that were stored after the card was opened", async () => {
  vi.mocked(fetchTrack).mockResolvedValueOnce(answer(1)).mockResolvedValue(answer(6));
  const selection = selected();
  await seconds(2, selection);
  expect(card.showTrack.mock.lastCall?.[1]).toBe(1);
  await seconds(40, selection);
  expect(card.showTrack.mock.lastCall?.[1]).toBe(6);
});

it("tries again where the track could not be read, and says so meanwhile", async () => {
  vi.mocked(fetchTrack).mockReset().mockRejectedValueOnce(new ApiError(503)).mockResolvedValue(answer(3));
  const selection = selected();
  await seconds(2, selection);
  expect(card.showTrackProblem).toHaveBeenCalledOnce();
  await seconds(8, selection);
  expect(card.showTrack.mock.lastCall?.[1]).toBe(3);
  expect(vi.mocked(fetchTrack)).toHaveBeenCalledTimes(2);
});
