/** How far an image is zoomed in, and where it was moved. All numbers are relative to the middle of the frame. */

export interface View {
  readonly scale: number
  readonly x: number
  readonly y: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export const FITTED: View = { scale: 1, x: 0, y: 0 }
export const MOST = 8

/** What is at the point stays there. */
export function zoomed(view: View, factor: number, at: Point, frame: Point): View {
  const scale = Math.min(MOST, Math.max(1, view.scale * factor))
  const grown = scale / view.scale
  return panned({ scale, x: at.x - (at.x - view.x) * grown, y: at.y - (at.y - view.y) * grown }, { x: 0, y: 0 }, frame)
}

/** The image covers the frame, or is in its middle. */
export function panned(view: View, by: Point, frame: Point): View {
  const most = (length: number) => ((view.scale - 1) * length) / 2
  return { scale: view.scale, x: within(view.x + by.x, most(frame.x)), y: within(view.y + by.y, most(frame.y)) }
}

function within(value: number, most: number): number {
  // 0 rather than -0.
  return Math.min(most, Math.max(-most, value)) + 0
}
