/** The server's time. A computer's own clock may be hours off, which would make every age and countdown wrong. */

/** A `Date` header has whole seconds, and the answer took a while. Less than this is no difference. */
const TOLERANCE_MS = 5_000
let offset = 0

/** To be told the `Date` header of every answer. */
export function noteServerTime(date: string | null): void {
  const server = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(server)) return
  const difference = server - Date.now()
  offset = Math.abs(difference) < TOLERANCE_MS ? 0 : difference
}

/** In milliseconds. */
export function serverNow(): number {
  return serverTime(Date.now())
}

/** What the server's clock said when this computer's said `at`. */
export function serverTime(at: number): number {
  return at + offset
}
