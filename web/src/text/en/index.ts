/** English. One file for each part of the page; `de` has the same keys. */
import words from '../reasons.json'
import { common } from './common'
import { flow } from './flow'
import { gallery } from './gallery'
import { report } from './report'
import { replays } from './replays'
import { start } from './start'
import type { Patterns } from '../sentences'

export interface ReasonWords {
  readonly title: string
  readonly cure?: string
  /** Trying again later is the cure. */
  readonly later?: boolean
}

/** By reason code. */
const reasons: Readonly<Record<string, ReasonWords>> = words

/**
 * What another language says in place of the API's own sentence, by the code of the problem. One that ends with a colon is
 * followed by that sentence, which has the details.
 */
const problems: Readonly<Record<string, string>> = {}

/** The services write English. */
const sentences: Readonly<Record<'whole' | 'parts', Patterns>> = { whole: {}, parts: {} }

export const en = { common, start, report, gallery, flow, replays, reasons, problems, sentences }
