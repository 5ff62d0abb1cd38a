/**
 * Reads the API's JSON value by value. Nothing is trusted: a value that breaks the contract raises a
 * `malformed` error that names the field, instead of crashing a component later.
 */
import { ApiError } from './errors'
import type { components } from './schema.gen'
import { t } from '../text/language'

/** The document does not have the events of the stream that are not also an answer. */
interface StreamEvents {
  StreamRates: Record<'as_of' | 'seconds' | 'found_per_second' | 'stored_per_second' | 'failed_per_second' | 'bytes_per_second', unknown>
  StreamTrouble: Record<'code' | 'detail', unknown>
}

export type Schemas = components['schemas'] & StreamEvents

/** A JSON value and its place in the response, for the error message. */
export interface Value {
  readonly json: unknown
  readonly at: string
}

export type Parser<T> = (value: Value) => T

/**
 * Reads fields of an object by their names. The names are those of the API's document, so a field that
 * it no longer has does not compile.
 */
export function fieldsOf<Name extends keyof Schemas>(
  value: Value,
): <T>(name: keyof Schemas[Name] & string, parse: Parser<T>) => T {
  const { json, at } = value
  if (!isRecord(json)) throw unfit(value, 'an object')
  return (name, parse) => parse({ json: json[name], at: `${at}.${name}` })
}

export function list<T>(value: Value, parse: Parser<T>): T[] {
  const { json, at } = value
  if (!Array.isArray(json)) throw unfit(value, 'a list')
  return json.map((item: unknown, index) => parse({ json: item, at: `${at}[${index}]` }))
}

export function optional<T>(parse: Parser<T>): Parser<T | null> {
  return (value) => (value.json === null || value.json === undefined ? null : parse(value))
}

export const text: Parser<string> = (value) => {
  if (typeof value.json !== 'string') throw unfit(value, 'text')
  return value.json
}

/** A surrogate key: a number or text that is only shown and compared. */
export const identifier: Parser<string> = (value) =>
  typeof value.json === 'number' ? String(count(value)) : text(value)

export const count: Parser<number> = (value) => {
  const { json } = value
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) {
    throw unfit(value, 'a whole number of 0 or more')
  }
  return json
}

export const flag: Parser<boolean> = (value) => {
  if (typeof value.json !== 'boolean') throw unfit(value, 'true or false')
  return value.json
}

export const number: Parser<number> = (value) => {
  if (typeof value.json !== 'number') throw unfit(value, 'a number')
  return value.json
}

export const time: Parser<Date> = (value) => {
  const date = new Date(text(value))
  if (Number.isNaN(date.getTime())) throw unfit(value, 'a time')
  return date
}

export const tally: Parser<Record<string, number>> = (value) => {
  if (!isRecord(value.json)) throw unfit(value, 'counts by reason')
  const entries = Object.entries(value.json)
  return Object.fromEntries(
    entries.map(([reason, json]) => [reason, count({ json, at: `${value.at}.${reason}` })]),
  )
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function unfit(value: Value, expected: string): ApiError {
  const { json } = value
  const got = json === undefined ? 'missing' : JSON.stringify(json).slice(0, 60)
  return new ApiError('malformed', t().common.api.unexpected(value.at, expected, got))
}
