/**
 * The newest state of each import and replay that the stream has told. An answer to a request may be older than an
 * event that came while it was on its way.
 */
let count = 0
const told = new Map<string, { readonly number: number; readonly one: Identified }>()
const MOST = 1_000

interface Identified {
  readonly id: string
}

export const latest = {
  keep(one: Identified): void {
    count += 1
    told.delete(one.id)
    told.set(one.id, { number: count, one })
    for (const id of told.keys()) if (told.size > MOST) told.delete(id)
  },
  /** To be taken before the request. */
  mark: (): number => count,
  /** What the answer says, unless the stream has told something newer since the mark. */
  newer<One extends Identified>(answer: One, mark: number): One {
    const event = told.get(answer.id)
    return event !== undefined && event.number > mark ? { ...answer, ...event.one } : answer
  },
}
