// The report as one HTML file that needs nothing else: plots, the same numbers in tables, and where they come from.

import { type Machine, median, number, type Report } from '../report.ts'
import type { Figure, HostedDetails } from './figures.ts'
import { ROLES, type Role, WORKLOADS } from './load.ts'
import type { Part } from './outcome.ts'
import { barPlot, escaped, legendMark, type Line, linePlot, rangePlot } from './plot.ts'
import type { Step } from './score.ts'
import { STYLE } from './style.ts'
import { TITLES, VARIANTS, type VariantName } from './variant.ts'

/** The page of a report that `bench hosted` has made. */
export function asPage(report: Report): string {
  const details = report.details as HostedDetails
  const day = report.when.slice(0, 10)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Orlop: Type-1, hosted and QEMU on one tile (${day})</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Type-1, hosted, QEMU</h1>
<p>The same six guests on Orlop's own machine, in a process of Orlop each, and in a process of QEMU each.</p>
<p class="legend">${VARIANTS.map((name) => `<span>${legendMark(name)} ${TITLES[name]}</span>`).join(' ')}</p>
</header>
<main>
${[...plotsOf(details), summaryOf(details), rampOf(details), tileOf(details), machineOf(report, details)].join('\n')}
</main>
</body>
</html>
`
}

function plotsOf(details: HostedDetails): string[] {
  const { figures, outcomes } = details
  const has = (part: Part) => figures.some((figure) => figure.part === part)
  const sections: string[] = []
  if (has('tiles')) {
    const failed = 'An outline is a step at which the quality of service was missed.'
    const score = { id: 'score', title: 'Score over tiles', alt: `${rampSentence(details)} ${failed}` }
    const labels = { x: 'tiles of six guests', y: 'score' }
    sections.push(
      figure(
        'Score over tiles',
        linePlot(
          score,
          labels,
          linesOf(details, ({ score }) => score),
        ),
        failed,
      ),
    )
    const cpu = { id: 'cpu', title: 'CPU over tiles', alt: `How much CPU each number of tiles takes. ${failed}` }
    const percent = { x: 'tiles of six guests', y: '% of a core' }
    sections.push(
      figure(
        'CPU over tiles',
        linePlot(
          cpu,
          percent,
          linesOf(details, ({ cpuPercent }) => cpuPercent),
        ),
        failed,
      ),
    )
  }
  if (has('tiles') && outcomes.some(({ steps }) => steps.length > 0)) sections.push(latencies(details))
  const bars: [string, string, Part, string][] = [
    ['memory', 'Memory', 'memory', 'What the host gives for each guest of 64 MiB under the load of one tile.'],
    ['start', 'Start of the fleet', 'start-up', 'From nothing until all six guests answer.'],
    ['wire', 'Guest to guest', 'network', 'One TCP connection between two guests, and a byte there and back.'],
    ['hog', 'A noisy neighbour', 'neighbour', 'One guest burns its CPU and its disk; this is what the others notice.'],
  ]
  for (const [id, title, part, caption] of bars) {
    const groups = figures
      .filter((each) => each.part === part && VARIANTS.some((name) => each.medians[name] !== null))
      .map((each) => ({ label: each.name, unit: each.unit, bars: barsOf(each) }))
    if (groups.length === 0) continue
    const alt = groups.map(({ label, unit, bars: all }) => `${label}: ${all.map(said(unit)).join(', ')}.`).join(' ')
    sections.push(figure(title, barPlot({ id, title, alt }, groups), caption))
  }
  return [`<div class="plots">${sections.join('\n')}</div>`]
}

const said =
  (unit: string) =>
  ({ variant, value }: { variant: VariantName; value: number }) =>
    `${TITLES[variant]} ${number(value)} ${unit}`

function barsOf({ runs, medians }: Figure) {
  return VARIANTS.flatMap((variant) => {
    const value = medians[variant]
    if (value === null) return []
    return [{ variant, value, low: Math.min(...runs[variant]), high: Math.max(...runs[variant]) }]
  })
}

/** The steps of a variant that so many tiles had, of all runs. */
function stepsAt({ outcomes }: HostedDetails, variant: VariantName, tiles: number) {
  return outcomes.flatMap(({ variant: name, steps }) =>
    name === variant ? steps.filter((step) => step.tiles === tiles) : [],
  )
}

function linesOf(details: HostedDetails, value: (step: Step & { cpuPercent: number }) => number): Line[] {
  return VARIANTS.map((variant) => ({
    variant,
    points: tileCounts(details).flatMap((tiles) => {
      const steps = stepsAt(details, variant, tiles)
      if (steps.length === 0) return []
      return [{ x: tiles, y: median(steps.map(value)), isHollow: isMissed(steps) }]
    }),
  }))
}

/** Was the quality of service missed in at least half of the runs? */
function isMissed(steps: Step[]): boolean {
  return 2 * steps.filter(({ failures }) => failures.length > 0).length >= steps.length
}

function tileCounts({ tiles }: HostedDetails): number[] {
  return Array.from({ length: tiles }, (_, i) => i + 1)
}

function rampSentence({ figures }: HostedDetails): string {
  const { medians } = figures.find(({ name }) => name === 'tile score')!
  return `The best score with all quality of service: ${VARIANTS.map((name) => `${TITLES[name]} ${number(medians[name])}`).join(', ')}.`
}

function latencies(details: HostedDetails): string {
  const roles = ROLES.filter((role) => role !== 'batch')
  const groups = roles.map((role) => {
    const { unit, soloMs, p95, p99 } = WORKLOADS[role]
    const of = p95 !== undefined ? 'p95' : 'p99'
    const times = p95 ?? p99
    return {
      label: `${role}, ${unit.split('/')[0]}`,
      ranges: VARIANTS.flatMap((variant) => {
        const found = rangeOf(details, variant, role)
        return found === undefined ? [] : [{ variant, ...found }]
      }),
      ...(times !== undefined && { limit: { of, value: times * soloMs } as const }),
    }
  })
  const caption = 'Filled: p50; bar: p95; outline: p99; dashed: what is asked of p95, of the application of p99.'
  const told = {
    id: 'latency',
    title: 'How long things take, one tile',
    alt: 'Each figure is in the table of one tile.',
  }
  return figure(told.title, rangePlot(told, 'ms', groups), caption)
}

/** The medians over the runs of a role's percentiles with one tile; null where most runs have none. */
function rangeOf(details: HostedDetails, variant: VariantName, role: Role) {
  const judged = stepsAt(details, variant, 1).map((step) => step.judged[0]![role])
  if (judged.length === 0) return undefined
  const of = (name: 'p50' | 'p95' | 'p99') => {
    const value = median(judged.map((each) => each[name] ?? Number.POSITIVE_INFINITY))
    return Number.isFinite(value) ? value : null
  }
  return { p50: of('p50'), p95: of('p95'), p99: of('p99') }
}

function summaryOf({ figures }: HostedDetails): string {
  const rows = figures.map((each) => {
    const cells = VARIANTS.map((name) => `${number(each.medians[name])}${runsOf(each.runs[name])}`)
    const ratios = [each.toHosted, each.toQemu].map((ratio) => ratio?.toFixed(2) ?? '')
    const goal =
      each.goalRatio === null || each.toHosted === null ? '' : each.toHosted >= each.goalRatio ? 'met' : 'missed'
    return [`${escaped(each.name)}${each.isWall ? ' *' : ''}`, escaped(each.unit), ...cells, ...ratios, goal]
  })
  const heads = ['', 'unit', ...VARIANTS.map((name) => TITLES[name]), '× hosted', '× QEMU', 'goal']
  const note =
    '<p class="note">Medians, and each run in brackets. Ratios say how many times better Type-1 is. An asterisk marks what is measured with the wall clock, which a busy host disturbs; all else is CPU time and memory.</p>'
  return section('All figures', `${table(heads, rows)}${note}`)
}

/** Each run, where there are several. */
function runsOf(runs: number[]): string {
  return runs.length < 2 ? '' : ` <small>(${runs.map(number).join(', ')})</small>`
}

function rampOf(details: HostedDetails): string {
  const rows = tileCounts(details).flatMap((tiles) =>
    VARIANTS.flatMap((variant) => {
      const steps = stepsAt(details, variant, tiles)
      if (steps.length === 0) return []
      const failures = [...new Set(steps.flatMap((step) => step.failures))]
      const missed = steps.filter((step) => step.failures.length > 0).length
      const why = missed === 0 ? 'met' : `missed in ${missed} of ${steps.length}: ${failures.slice(0, 4).join('; ')}`
      const [score, cpu] = [steps.map((step) => step.score), steps.map((step) => step.cpuPercent)]
      return [[`${tiles}`, TITLES[variant], number(median(score)), number(median(cpu)), escaped(why)]]
    }),
  )
  return section('The ramp', table(['tiles', 'variant', 'score', '% of a core', 'quality of service'], rows))
}

function tileOf(details: HostedDetails): string {
  const rows = ROLES.flatMap((role) =>
    VARIANTS.flatMap((variant) => {
      const range = rangeOf(details, variant, role)
      if (range === undefined) return []
      const rate = median(stepsAt(details, variant, 1).map((step) => step.judged[0]![role].goodRate))
      const times = [range.p50, range.p95, range.p99].map((value) => (value === null ? 'never' : number(value)))
      const { unit, rate: offered } = WORKLOADS[role]
      return [[role, escaped(unit), number(offered), TITLES[variant], number(rate), ...times]]
    }),
  )
  const heads = ['guest', 'unit', 'offered', 'variant', 'good', 'p50 ms', 'p95 ms', 'p99 ms']
  return section('One tile', table(heads, rows))
}

function machineOf({ machine, when }: Report, { cpus, seconds, outcomes }: HostedDetails): string {
  const runs = Math.max(...outcomes.map(({ run }) => run)) + 1
  const facts: [string, string][] = [
    ...machineFacts(machine),
    ['CPUs for the guests', `${cpus}`],
    ['one measurement', `${seconds} s`],
    ['runs of each variant', `${runs}`],
    ['measured', when],
  ]
  const list = facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')
  return section('Where this was measured', `<dl>${list}</dl>`)
}

function machineFacts(machine: Machine): [string, string][] {
  return [
    ['processor', `${machine.cpu}, ${machine.processors} of them`],
    ['memory', `${machine.memoryGiB} GiB`],
    ['system', machine.system],
    ['Node', `${machine.node}, V8 ${machine.v8}`],
    ['reference', machine.reference ?? 'none'],
  ]
}

function figure(title: string, plot: string, caption: string): string {
  return `<figure><h2>${escaped(title)}</h2>${plot}<figcaption>${escaped(caption)}</figcaption></figure>`
}

function section(title: string, content: string): string {
  return `<section><h2>${escaped(title)}</h2>${content}</section>`
}

/** The first column names what its row is about. */
function table(heads: string[], rows: string[][]): string {
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join('')
  const body = rows.map(([first = '', ...cells]) => {
    return `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}
