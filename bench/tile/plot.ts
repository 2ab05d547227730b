// Plots as SVG, with nothing but text: their colours are classes, which the page has for light and dark.

import { number } from '../report.ts'
import { TITLES, type VariantName } from './variant.ts'

const WIDTH = 560
const LEFT = 56
const RIGHT = 16
const TOP = 14
const BOTTOM = 44
const MARK = 4.5

/** What every plot tells those who do not see it. */
export interface Told {
  id: string
  title: string
  /** What the plot shows, in a sentence or two. */
  alt: string
}

export interface Point {
  x: number
  y: number
  /** Drawn as an outline: it did not count. */
  isHollow?: boolean
}

export interface Line {
  variant: VariantName
  points: Point[]
}

/** Lines over a whole number of something. */
export function linePlot(told: Told, labels: { x: string; y: string }, lines: Line[]): string {
  const height = 300
  const all = lines.flatMap(({ points }) => points)
  const most = Math.max(1, ...all.map(({ x }) => x))
  const ticks = ticksUpTo(Math.max(...all.map(({ y }) => y), 0))
  const top = ticks.at(-1)!
  const x = (value: number) => LEFT + ((WIDTH - LEFT - RIGHT) * (value - 0.5)) / most
  const y = (value: number) => height - BOTTOM - ((height - BOTTOM - TOP) * value) / top
  const wholes = Array.from({ length: most }, (_, i) => i + 1)
  return svg(told, height, [
    ...ticks.map((tick) => grid(LEFT, y(tick), WIDTH - RIGHT, y(tick), tick === 0)),
    ...ticks.map((tick) => label(LEFT - 8, y(tick) + 4, tickText(tick), 'end')),
    ...wholes.map((whole) => label(x(whole), height - BOTTOM + 18, `${whole}`, 'middle')),
    label((LEFT + WIDTH - RIGHT) / 2, height - 8, labels.x, 'middle'),
    upright(14, (TOP + height - BOTTOM) / 2, labels.y),
    ...lines.map(({ variant, points }) => {
      const path = points.map((point, i) => `${i === 0 ? 'M' : 'L'}${round(x(point.x))} ${round(y(point.y))}`).join('')
      const marks = points.map((point) => {
        const state = point.isHollow ? `, quality of service missed` : ''
        const said = `${TITLES[variant]}: ${number(point.y)} at ${point.x}${state}`
        return mark(variant, x(point.x), y(point.y), said, point.isHollow)
      })
      return `<path class="line ${variant}" d="${path}"/>${marks.join('')}`
    }),
  ])
}

export interface Bar {
  variant: VariantName
  value: number
  /** The lowest and the highest of several runs. */
  low: number
  high: number
}

/** Bars that lie, a group for each thing; each group has a scale of its own, as its unit may be another. */
export function barPlot(told: Told, groups: { label: string; unit: string; bars: Bar[] }[]): string {
  const [bar, gap, head] = [22, 6, 26]
  const pieces: string[] = []
  const [from, to] = [92, WIDTH - 96]
  let at = TOP
  for (const { label: name, unit, bars } of groups) {
    pieces.push(label(0, at + 14, `${name}, ${unit}`, 'start', 'head'))
    at += head
    const most = Math.max(...bars.map(({ high }) => high), 0)
    const x = (value: number) => from + (most === 0 ? 0 : ((to - from) * Math.max(value, 0)) / most)
    for (const { variant, value, low, high } of bars) {
      const middle = at + bar / 2
      const said = `<title>${TITLES[variant]}: ${number(value)} ${escaped(unit)}</title>`
      pieces.push(
        label(from - 8, middle + 4, TITLES[variant], 'end'),
        `<rect class="fill ${variant}" x="${from}" y="${at}" width="${round(Math.max(x(value) - from, 1))}" height="${bar}" rx="2">${said}</rect>`,
        ...(high > low ? [`<path class="spread" d="M${round(x(low))} ${middle}H${round(x(high))}"/>`] : []),
        label(x(high) + 8, middle + 4, number(value), 'start', 'value'),
      )
      at += bar + gap
    }
    at += 10
  }
  return svg(told, at, pieces)
}

export interface Range {
  variant: VariantName
  /** From the median to the slowest percent; null: never. */
  p50: number | null
  p95: number | null
  p99: number | null
}

/** How long things take: from p50 by p95 to p99, over a scale of powers of ten. `limit` is what is asked of p95 or p99. */
export function rangePlot(
  told: Told,
  unit: string,
  groups: { label: string; ranges: Range[]; limit?: { of: 'p95' | 'p99'; value: number } }[],
): string {
  const [row, head, axis] = [18, 24, 44]
  const values = groups.flatMap(({ ranges, limit }) => [
    ...ranges.flatMap(({ p50, p95, p99 }) => [p50, p95, p99].filter((value) => value !== null)),
    ...(limit === undefined ? [] : [limit.value]),
  ])
  const powers = [Math.floor(Math.log10(Math.min(...values, 1))), Math.ceil(Math.log10(Math.max(...values, 10)))]
  const [least, most] = powers as [number, number]
  const [from, to] = [92, WIDTH - RIGHT - 12]
  const x = (value: number) => from + ((to - from) * (Math.log10(value) - least)) / (most - least)
  const height = TOP + groups.reduce((sum, { ranges }) => sum + head + row * ranges.length + 8, 0) + axis
  const pieces: string[] = []
  for (let power = least; power <= most; power++) {
    pieces.push(grid(x(10 ** power), TOP, x(10 ** power), height - axis, false))
    pieces.push(label(x(10 ** power), height - axis + 18, tickText(10 ** power), 'middle'))
  }
  pieces.push(label((from + to) / 2, height - 6, unit, 'middle'))
  let at = TOP
  for (const { label: name, ranges, limit } of groups) {
    pieces.push(label(0, at + 14, name, 'start', 'head'))
    const bottom = at + head + row * ranges.length
    if (limit !== undefined) {
      const said = `<title>${escaped(name)}: ${limit.of} at most ${number(limit.value)} ${escaped(unit)}</title>`
      pieces.push(`<path class="limit" d="M${round(x(limit.value))} ${at + head - 6}V${bottom}">${said}</path>`)
    }
    at += head
    for (const { variant, p50, p95, p99 } of ranges) {
      const middle = at + row / 2
      pieces.push(label(from - 8, middle + 4, TITLES[variant], 'end'))
      const said = (of: string, value: number) => `${TITLES[variant]}, ${name}: ${of} ${number(value)} ${unit}`
      if (p50 !== null) {
        const end = x(p99 ?? p95 ?? p50)
        pieces.push(`<path class="line ${variant}" d="M${round(x(p50))} ${middle}H${round(end)}"/>`)
        pieces.push(mark(variant, x(p50), middle, said('p50', p50)))
      }
      if (p95 !== null) pieces.push(tick(variant, x(p95), middle, said('p95', p95)))
      if (p99 !== null) pieces.push(mark(variant, x(p99), middle, said('p99', p99), true))
      at += row
    }
    at += 8
  }
  return svg(told, height, pieces)
}

/** The marks that tell the variants apart, for the legend. */
export function legendMark(variant: VariantName): string {
  return `<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">${mark(variant, 7, 7)}</svg>`
}

/** From zero to at least `most`, in three to six steps that are 1, 2 or 5 times a power of ten. */
export function ticksUpTo(most: number): number[] {
  if (most <= 0) return [0, 1]
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough)!
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step)
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function svg({ id, title, alt }: Told, height: number, pieces: string[]): string {
  return [
    `<svg role="img" aria-labelledby="${id}-title ${id}-alt" viewBox="0 0 ${WIDTH} ${height}">`,
    `<title id="${id}-title">${escaped(title)}</title><desc id="${id}-alt">${escaped(alt)}</desc>`,
    ...pieces,
    '</svg>',
  ].join('\n')
}

/** A shape for each variant, so that nobody needs the colour: circle, square, triangle. */
function mark(variant: VariantName, x: number, y: number, said = '', isHollow = false): string {
  const classes = `class="${isHollow ? 'hollow' : 'fill'} ${variant}"`
  const title = said === '' ? '' : `<title>${escaped(said)}</title>`
  const [a, b] = [round(x), round(y)]
  if (variant === 'type1') return `<circle ${classes} cx="${a}" cy="${b}" r="${MARK}">${title}</circle>`
  if (variant === 'hosted') {
    const corner = `x="${round(x - 4)}" y="${round(y - 4)}"`
    return `<rect ${classes} ${corner} width="8" height="8">${title}</rect>`
  }
  return `<path ${classes} d="M${a} ${round(y - 5)}l5 9h-10z">${title}</path>`
}

function tick(variant: VariantName, x: number, y: number, said: string): string {
  return `<path class="line ${variant}" d="M${round(x)} ${y - 5}v10"><title>${escaped(said)}</title></path>`
}

function grid(x1: number, y1: number, x2: number, y2: number, isAxis: boolean): string {
  return `<path class="${isAxis ? 'axis' : 'grid'}" d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}"/>`
}

function label(x: number, y: number, text: string, anchor: string, kind = ''): string {
  const classes = kind === '' ? '' : ` class="${kind}"`
  return `<text${classes} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(text)}</text>`
}

function upright(x: number, y: number, text: string): string {
  return `<text x="${x}" y="${y}" text-anchor="middle" transform="rotate(-90 ${x} ${y})">${escaped(text)}</text>`
}

function tickText(value: number): string {
  return `${Number(value.toPrecision(6))}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
