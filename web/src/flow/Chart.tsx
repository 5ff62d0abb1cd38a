/** A chart over the last hour. uPlot draws it on a canvas, and is loaded only with this file. */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import UPlot, { type AlignedData, type Options, type Series } from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatMoment, formatRate } from '../text/format'
import { currentLanguage } from '../text/language'

const HEIGHT = 170
/** Both charts show the same minute. */
const cursors = UPlot.sync('hour')

export interface ChartLine {
  readonly name: string
  readonly values: readonly (number | null)[]
  /** The name of a colour of the page's theme. */
  readonly color: string
  readonly isFilled: boolean
}

interface Props {
  readonly label: string
  readonly times: readonly number[]
  readonly lines: readonly ChartLine[]
}

export function Chart({ label, times, lines }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const [plot, setPlot] = useState<UPlot | null>(null)
  const [index, setIndex] = useState<number | null>(null)
  const isDark = useSyncExternalStore(onTheme, () => darkTheme().matches)
  // It is made anew only if this changes: the colours are those of the theme.
  const look = JSON.stringify({ isDark, lines: lines.map(({ name, color, isFilled }) => ({ name, color, isFilled })) })
  const data = JSON.stringify([times, ...lines.map(({ values }) => values)])

  useEffect(() => {
    const element = frame.current
    if (element === null) return undefined
    const { lines: shown } = JSON.parse(look) as { lines: ChartLine[] }
    const made = new UPlot(optionsOf(element, shown, setIndex), [[]], element)
    setPlot(made)
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      made.destroy()
    }
  }, [look])

  useEffect(() => plot?.setData(JSON.parse(data) as AlignedData), [plot, data])

  const time = index === null ? undefined : times[index]
  return (
    <figure className="chart">
      <figcaption>
        <b>{label}</b>
        {lines.map(({ name, color, values }) => (
          <span key={name} className={`chart-key chart-key${color}`}>
            {name}
            {time !== undefined && index !== null && <b>{amount(values[index])}</b>}
          </span>
        ))}
        {time !== undefined && <span className="quiet">{formatMoment(new Date(time * 1000))}</span>}
      </figcaption>
      {/* The table says the same. */}
      <div ref={frame} className="chart-frame" aria-hidden />
    </figure>
  )
}

function optionsOf(element: HTMLElement, lines: readonly ChartLine[], onIndex: (index: number | null) => void): Options {
  const colors = getComputedStyle(element)
  const color = (name: string) => colors.getPropertyValue(name).trim()
  const axis = { stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: `${colors.fontSize} ${colors.fontFamily}` }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false }, sync: { key: cursors.key } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      { ...axis, values: (_plot, times) => times.map((time) => formatMoment(new Date(time * 1000))), space: 70, size: 26 },
      { ...axis, values: (_plot, values) => values.map(short), size: 48 },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, color(line.color)))],
    hooks: { setCursor: [(plot) => onIndex(plot.cursor.idx ?? null)] },
  }
}

function seriesOf({ name, isFilled }: ChartLine, stroke: string): Series {
  return { label: name, stroke, width: 2, points: { show: false }, ...(isFilled ? { fill: `${stroke}22` } : {}) }
}

function short(value: number): string {
  return new Intl.NumberFormat(currentLanguage(), { notation: 'compact' }).format(value)
}

function amount(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : formatRate(value)
}

function darkTheme(): MediaQueryList {
  return window.matchMedia('(prefers-color-scheme: dark)')
}

function onTheme(listener: () => void): () => void {
  const theme = darkTheme()
  theme.addEventListener('change', listener)
  return () => theme.removeEventListener('change', listener)
}
