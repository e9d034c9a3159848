import { ApiError } from "../api";
import { t } from "../words";
import { RefusedError } from "./api";

/** What went wrong, for the reader. */
export function happened(error: unknown): string {
  if (error instanceof RefusedError) return error.detail;
  if (!(error instanceof ApiError)) return String(error);
  return error.status === 0 ? t("服务器没有应答") : t("服务器返回 {status}", { status: error.status });
}
