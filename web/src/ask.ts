import { ApiError } from "./api";
import { RefusedError } from "./screen/api";

/**
 * Asks the server and gives its JSON answer.
 *
 * @throws RefusedError it refused, and says why in the reader's language
 * @throws ApiError it did not answer (status 0), or not in words
 */
export async function askServer<T>(csrf: string, method: string, address: string, body?: object, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  const isFile = body instanceof FormData;
  if (method !== "GET") headers["X-CSRFToken"] = csrf;
  if (method !== "GET" && !isFile) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(address, { method, headers, signal, body: body === undefined || isFile ? (body as FormData | undefined) : JSON.stringify(body) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, error);
  }
  if (answer.status === 204) return undefined as T;
  if (answer.ok) return (await answer.json()) as T;
  const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
  if (typeof said?.detail === "string") throw new RefusedError(answer.status, said.detail);
  throw new ApiError(answer.status);
}
