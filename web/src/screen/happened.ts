import { ApiError } from "../api";
import { t } from "../words";
import { RefusedError } from "./api";

/** What went wrong, for the reader. */
export function happened(error: unknown): string {
  // What was typed or drawn stays on the page: it is not led away to the sign-in page.
  if (error instanceof ApiError && error.status === 401) return t("登录已过期，这一页上的内容还在。请在新标签页登录，再回来重试。");
  if (error instanceof RefusedError) return error.detail;
  if (!(error instanceof ApiError)) return String(error);
  return error.status === 0 ? t("服务器没有应答") : t("服务器返回 {status}", { status: error.status });
}
