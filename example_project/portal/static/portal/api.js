// Calls of the REST API. The session is in a cookie that no script can read; only the CSRF token is read here.

export class ApiError extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail ?? "");
    Object.assign(this, { status, code: body.code ?? "unavailable", body, retryAfter });
  }
}

const TIMEOUT = 30_000;

const watchers = [];
/** Call the function with each error, such as the 401 of somebody who was signed out elsewhere. */
export const onError = (watcher) => watchers.push(watcher);

const csrfToken = () => document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";

async function send(method, path, body, headers) {
  const init = { method, headers: { Accept: "application/json", ...headers }, signal: AbortSignal.timeout(TIMEOUT) };
  if (method !== "GET") init.headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, init);
  } catch {
    throw new ApiError(0, { code: "offline" });
  }
}

async function watched(method, path, { body, headers, expected } = {}, read) {
  try {
    const answer = await send(method, path, body, headers);
    if (!answer.ok && answer.status !== expected) throw new ApiError(answer.status, await answer.json().catch(() => ({})), answer.headers.get("Retry-After"));
    // An answer that is cut off half-way is none.
    return await read(answer).catch(() => { throw new ApiError(0, { code: "offline" }); });
  } catch (error) {
    watchers.forEach((watcher) => watcher(error));
    throw error;
  }
}

const readJson = async (answer) => ({
  data: answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null,
  etag: answer.headers.get("ETag"),
});

/** Return what the server answers: `{data, etag}`; throw an `ApiError` for what is neither a success nor `expected`. */
export const call = (method, path, options) => watched(method, path, options, readJson);

/** Return the text of a file. */
export const download = (path) => watched("GET", path, {}, (answer) => answer.text());

// The id, never "me": if somebody else signs in in another tab, this one gets 403 and not their data.
let userId = null;
export const setUserId = (id) => { userId = id; };
export const mine = (path = "") => `/api/users/${userId}/${path}`;
