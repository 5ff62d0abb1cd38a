/** The event stream of an API in memory: a snapshot, then whatever changes in its data. */

type Json = Record<string, unknown>

const LOOK_MS = 250
const COMMENT_MS = 15_000

export class FakeStream {
  readonly response: Response
  readonly #read: () => Json | readonly Json[]
  #out: ReadableStreamController<Uint8Array<ArrayBuffer>> | undefined
  readonly #timers: ReturnType<typeof setInterval>[] = []
  #told: string | undefined

  /** `read` is what is watched now. A `signal` that is aborted ends it. */
  constructor(read: () => Json | readonly Json[], signal: AbortSignal | null | undefined) {
    this.#read = read
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (out) => {
        this.#out = out
      },
      cancel: () => void this.#stop(),
    })
    this.response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    signal?.addEventListener('abort', () => this.fail())
    this.#look()
    this.#timers.push(setInterval(() => this.#look(), LOOK_MS), setInterval(() => this.send(': still here\n\n'), COMMENT_MS))
  }

  send(text: string): void {
    this.#out?.enqueue(new TextEncoder().encode(text))
  }

  event(name: string, data: unknown): void {
    this.send(`id: 1\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** As an API that stops. */
  end(): void {
    if (this.#stop()) this.#out?.close()
  }

  /** As a connection that breaks. */
  fail(): void {
    if (this.#stop()) this.#out?.error(new TypeError('network error'))
  }

  /** As a laptop that sleeps, or a cable that is pulled: nothing comes, and nothing ends. */
  freeze(): void {
    this.#stop()
  }

  #look(): void {
    const now = this.#read()
    const text = JSON.stringify(now)
    if (text === this.#told) return
    if (this.#told === undefined) this.event('snapshot', now)
    else this.#tellChanges(JSON.parse(this.#told) as Json | readonly Json[], now)
    this.#told = text
  }

  #tellChanges(before: Json | readonly Json[], now: Json | readonly Json[]): void {
    const old = new Set((Array.isArray(before) ? before : [before]).map((one) => JSON.stringify(one)))
    const all = (Array.isArray(now) ? now : [now]) as readonly Json[]
    for (const one of all) if (!old.has(JSON.stringify(one))) this.event('import', one)
  }

  #stop(): boolean {
    const wasOpen = this.#timers.length > 0
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    return wasOpen
  }
}
