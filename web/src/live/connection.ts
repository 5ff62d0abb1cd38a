/**
 * The one event stream of this tab. It is kept open: after an end, an error or silence it is opened
 * again. It is read with `fetch`, because an `EventSource` tells of no comments, and so never notices a
 * connection that died without closing.
 */
import { authorization, currentKey } from '../api/access'
import { noteServerTime } from '../api/clock'
import { ApiError, isUnauthorized } from '../api/errors'
import { errorOf, MOUNT, renewToken } from '../api/http'
import { FrameReader, type Frame } from './frames'
import { t } from '../text/language'

/** The API sends a comment every 15 seconds. */
const SILENCE_MS = 40_000
/** The API answers within 3 seconds, even if its database does not. */
const OPENING_MS = 15_000
const LOOK_MS = 5_000
/** Timers stop while a computer sleeps. */
const SLEPT_MS = 20_000
const FIRST_WAIT_MS = 750
const LONGEST_WAIT_MS = 8_000
/** A browser may open only six connections to a server, for all tabs together. */
const HIDDEN_MS = 30_000

export type State =
  /** Nothing has failed, and nothing has come yet. */
  | 'connecting'
  | 'live'
  /** The last attempt failed. It is tried again. */
  | 'lost'
  /** The tab is hidden. */
  | 'resting'

export interface Status {
  readonly state: State
  readonly error: Error | null
  /** When anything last came, in milliseconds; 0 if nothing has. */
  readonly heardAt: number
}

export interface Source {
  /** The API's path of the stream. */
  readonly path: string
  readonly onFrame: (frame: Frame) => void
}

export class Connection {
  status: Status = { state: 'connecting', error: null, heardAt: 0 }
  readonly #listeners = new Set<() => void>()
  #source: Source | null = null
  #attempt: AbortController | null = null
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #clock: ReturnType<typeof setInterval> | undefined
  /** When something last came, or was begun. */
  #heardAt = 0
  #opening = false
  #lookedAt = 0
  #hiddenSince: number | null = null

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly getStatus = (): Status => this.status

  /** Watches this from now on, instead of what was watched before. */
  open(source: Source): void {
    this.close()
    this.#source = source
    this.#lookedAt = Date.now()
    this.#clock = setInterval(() => this.#look(), LOOK_MS)
    this.#connect()
  }

  close(): void {
    clearInterval(this.#clock)
    this.#drop()
    this.#source = null
  }

  /** Tries again at once: the key is new, the network is back, or somebody looks. */
  readonly wake = (): void => {
    this.#look()
    if (this.#source !== null && this.#attempt === null && !document.hidden) this.#connect()
  }

  /** Opens it anew. If the network is gone, that shows at once; an API on this machine answers all the same. */
  readonly test = (): void => this.#connect()

  /** Called again and again, and late after the computer slept. */
  #look(): void {
    renewToken()
    const now = Date.now()
    const slept = now - this.#lookedAt > SLEPT_MS
    // The clock was put back: what came before counts as coming now, or silence would not be noticed for as long.
    if (now < this.#lookedAt) this.#heardAt = now
    this.#lookedAt = now
    this.#hiddenSince = document.hidden ? (this.#hiddenSince ?? now) : null
    if (this.#hiddenSince !== null && now - this.#hiddenSince > HIDDEN_MS) {
      this.#drop()
      this.#say({ state: 'resting', error: null })
    } else if (this.#attempt !== null && now - this.#heardAt > (this.#opening ? OPENING_MS : SILENCE_MS)) {
      this.#drop()
      // What is shown after a sleep is only old. Without one, nobody may take it for the present state.
      if (!slept) this.#say({ state: 'lost', error: errorFrom(null) })
      this.#connect()
    }
  }

  #drop(): void {
    clearTimeout(this.#timer)
    this.#attempt?.abort()
    this.#attempt = null
  }

  #connect(): void {
    const source = this.#source
    if (source === null) return
    this.#drop()
    const attempt = new AbortController()
    this.#attempt = attempt
    this.#heardAt = Date.now()
    this.#opening = true
    this.#read(source, attempt.signal).then(
      () => this.#ended(attempt, null),
      (error: unknown) => this.#ended(attempt, errorFrom(error)),
    )
  }

  async #read(source: Source, signal: AbortSignal): Promise<void> {
    const body = await openStream(source.path, signal)
    const [frames, decoder] = [new FrameReader(), new TextDecoder()]
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one piece follows the other
      const { done, value } = await body.read()
      if (done || signal.aborted) return
      this.#heardAt = Date.now()
      this.#opening = false
      for (const frame of frames.push(decoder.decode(value, { stream: true }))) {
        this.#tell(source, frame)
      }
    }
  }

  /** What an event says may be wrong, or be that the API is in trouble. The stream goes on. */
  #tell(source: Source, frame: Frame): void {
    this.#failures = 0
    try {
      source.onFrame(frame)
    } catch (error) {
      this.#say({ state: 'lost', error: errorFrom(error) })
      return
    }
    // Only a whole state ends a trouble.
    if (frame.event === 'snapshot' || this.status.error === null) this.#say({ state: 'live', error: null })
  }

  /** An end without an error is how an API stops that is started anew. So it is no failure yet. */
  #ended(attempt: AbortController, error: Error | null): void {
    if (this.#attempt !== attempt) return
    this.#attempt = null
    if (error !== null) {
      this.#failures += 1
      this.#say({ state: 'lost', error })
    }
    if (isUnauthorized(error)) return
    const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures)
    // The tabs that an API lost come back at different times.
    this.#timer = setTimeout(() => this.#connect(), most * (0.5 + Math.random() / 2))
  }

  #say(status: Pick<Status, 'state' | 'error'>): void {
    const heardAt = status.state === 'live' ? Date.now() : this.status.heardAt
    this.status = { ...status, heardAt }
    for (const listener of this.#listeners) listener()
  }
}

async function openStream(path: string, signal: AbortSignal): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const headers = { accept: 'text/event-stream', ...authorization(currentKey()) }
  const response = await fetch(MOUNT + path, { headers, signal, cache: 'no-store' })
  noteServerTime(response.headers.get('date'))
  if (!response.ok) throw errorOf(response, await response.text())
  const type = response.headers.get('content-type') ?? ''
  if (response.body === null || !type.startsWith('text/event-stream')) {
    throw new ApiError('malformed', t().common.api.noEvents)
  }
  return response.body.getReader()
}

function errorFrom(error: unknown): Error {
  return error instanceof ApiError ? error : new ApiError('unreachable', t().common.api.away)
}
