/** How long a signed address of the store still opens; it asks nobody. */

const SPARE_MS = 60_000;

/** Whether a signed address opens for another minute at least; one without a signature always does. */
export function isFresh(signed: string, nowMs: number): boolean {
  const query = new URLSearchParams(signed.slice(signed.indexOf("?") + 1));
  const seconds = query.get("X-Amz-Expires");
  const moment = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "");
  if (seconds === null || moment === null) return true;
  const [year, month, day, hour, minute, second] = moment.slice(1).map(Number);
  const from = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return nowMs < from + Number(seconds) * 1000 - SPARE_MS;
}
