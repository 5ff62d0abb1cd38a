/** German. */
import type { Words } from '../language'
import { common } from './common'
import { flow } from './flow'
import { gallery } from './gallery'
import { report } from './report'
import problems from './problems.json'
import { replays } from './replays'
import reasons from './reasons.json'
import sentences from './sentences.json'
import { start } from './start'

export const de: Words = { common, start, report, gallery, flow, replays, reasons, problems, sentences }
