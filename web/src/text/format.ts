/** Numbers, sizes and times for display, in the language of the page. */
import { serverNow } from '../api/clock'
import { locale, t } from './language'

interface Formats {
  readonly whole: Intl.NumberFormat
  readonly oneDecimal: Intl.NumberFormat
  readonly dayAndTime: Intl.DateTimeFormat
  readonly time: Intl.DateTimeFormat
  readonly second: Intl.DateTimeFormat
}

/** By locale, because making one takes longer than using it a hundred times. */
const made = new Map<string, Formats>()

function formats(): Formats {
  const tag = locale()
  const known = made.get(tag)
  if (known !== undefined) return known
  const fresh = {
    whole: new Intl.NumberFormat(tag),
    oneDecimal: new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    dayAndTime: new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short' }),
    time: new Intl.DateTimeFormat(tag, { timeStyle: 'short' }),
    second: new Intl.DateTimeFormat(tag, { timeStyle: 'medium' }),
  }
  made.set(tag, fresh)
  return fresh
}

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const

export function formatCount(count: number): string {
  return formats().whole.format(count)
}

/** "1 file", "2,400 files". */
export function counted(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** In decimal units, as Drive and disk makers use. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return counted(Math.round(bytes), ...t().common.byte)
  let value = bytes / 1000
  let unit = 0
  // 999.95 kB would be rounded to "1,000.0 kB".
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${formats().oneDecimal.format(value)} ${UNITS[unit]}`
}

/** Files per second. Below ten it has a decimal, so that a slow import is not shown as 0. */
export function formatRate(perSecond: number): string {
  return perSecond < 9.95 ? formats().oneDecimal.format(perSecond) : formats().whole.format(Math.round(perSecond))
}

/** The two largest units: 0.85 s is "1 s", 3,725 s is "1 h 2 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const { day, hour, minute, second } = t().common.durations
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), day],
    [Math.floor(whole / 3600) % 24, hour],
    [Math.floor(whole / 60) % 60, minute],
    [whole % 60, second],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first === -1) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

/** Whole percent, rounded down, so that 100 means nothing is left. */
export function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((Math.min(part, whole) / whole) * 100)
}

/** "image/svg+xml" as "SVG"; Google's own types as "Google spreadsheet". */
export function formatType(mimeType: string): string {
  const google = /^application\/vnd\.google-apps\.([a-z-]+)$/.exec(mimeType)?.[1]
  if (google !== undefined) return `Google ${google}`
  const subtype = mimeType.split('/')[1] ?? mimeType
  return subtype.replace(/^x-/, '').replace(/\+.*$/, '').toUpperCase()
}

/** Local date and time. The date is left out if it is today; tomorrow has a word. */
export function formatMoment(at: Date, now = new Date(serverNow())): string {
  const tomorrow = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1)
  if (at.toDateString() === now.toDateString()) return formats().time.format(at)
  if (at.toDateString() === tomorrow.toDateString()) return t().common.tomorrow(formats().time.format(at))
  return formats().dayAndTime.format(at)
}

/** Local time of day, to the second. */
export function formatSecond(at: Date): string {
  return formats().second.format(at)
}
