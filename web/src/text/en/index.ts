/** English. One file for each part of the page; `de` has the same keys. */
import { common } from './common'
import { flow } from './flow'
import { gallery } from './gallery'
import { report } from './report'
import { replays } from './replays'
import { start } from './start'

export const en = { common, start, report, gallery, flow, replays }
