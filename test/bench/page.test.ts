// The page of the tile's benchmark: it tells each figure of the report, in plots and in tables, and needs nothing else.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { number } from '../../bench/report.ts'
import { figuresOf, type HostedDetails, ratioOf, reportOf } from '../../bench/tile/figures.ts'
import { ROLES, WORKLOADS } from '../../bench/tile/load.ts'
import { asPage } from '../../bench/tile/page.ts'
import { type Outcome, ROWS } from '../../bench/tile/outcome.ts'
import { ticksUpTo } from '../../bench/tile/plot.ts'
import { judgeTile, type TileDone } from '../../bench/tile/score.ts'
import { VARIANTS, type VariantName } from '../../bench/tile/variant.ts'

const SECONDS = 10
const MACHINE = {
  cpu: 'A <fast> & quiet processor',
  processors: 2,
  memoryGiB: 8,
  node: '20.0.0',
  v8: '11.3',
  system: 'Linux',
  reference: 'QEMU 10.0 TCG',
}

/** Each variant is `times` as slow as what the tile asks of QEMU, and each run a little slower than the one before. */
function outcome(variant: VariantName, run: number, times: number): Outcome {
  const entries = ROLES.map((role) => {
    const { rate, soloMs } = WORKLOADS[role]
    const offered = rate * SECONDS
    return [role, { offered, wrong: 0, ms: Array.from({ length: offered }, (_, i) => soloMs * times * (1 + i / 100)) }]
  })
  const calm = judgeTile(Object.fromEntries(entries) as TileDone, SECONDS)
  const step = (tiles: number, failures: string[]) => {
    return { tiles, score: tiles * 0.97, failures, cpuPercent: 21.3 * times * tiles + run, judged: [calm] }
  }
  return {
    variant,
    run,
    steps: [step(1, []), step(2, times > 1 ? ['tile 1, web: p95 is <never>, not 60 ms'] : [])],
    startUp: { wallSeconds: 3.21 * times, cpuSeconds: 2.34 * times + run },
    memoryBytes: 54.3 * times * 2 ** 20,
    neighbour: { loss: { all: -0.4 * times }, delay: 1.07 * times, calm, stressed: calm },
    wire: { gigabits: 1.23 / times, cpuPerGigabyte: 6.54 * times, roundTripUs: 432 * times },
    lostCommits: 0,
  }
}

const TIMES: Record<VariantName, number> = { type1: 0.8, hosted: 1.1, qemu: 1 }
const FRAME = { cpus: 1, seconds: SECONDS, tiles: 2, hosted: 'orlop up --hosted' }
const outcomes = [0, 1].flatMap((run) => VARIANTS.map((variant) => outcome(variant, run, TIMES[variant])))
const report = reportOf(outcomes, FRAME, MACHINE, () => true)
const { figures } = report.details as HostedDetails
const page = asPage(report)

test('each figure of each variant is on the page, and each of its runs', () => {
  assert.ok(figures.length >= ROWS.length)
  for (const { name, medians, runs } of figures) {
    assert.ok(page.includes(`<th scope="row">${name}`), name)
    for (const variant of VARIANTS) {
      assert.ok(page.includes(`${number(medians[variant])} <small>(${runs[variant].map(number).join(', ')})`), name)
    }
  }
})

test('the page has what the plots show in tables, too: the ramp, and how long things take with one tile', () => {
  for (const { steps } of outcomes) assert.ok(page.includes(`<td>${number(steps[0]!.score)}</td>`))
  for (const role of ROLES) assert.ok(page.includes(`<th scope="row">${role}</th>`))
  assert.match(page, /missed in 2 of 2/)
})

test('every plot has a title and a text in its place', () => {
  const plots = page.match(/<svg role="img"[^>]*>/g) ?? []
  assert.ok(plots.length >= 7)
  for (const plot of plots) {
    const [, title, alt] = /aria-labelledby="(\S+) (\S+)"/.exec(plot) ?? []
    assert.match(page, new RegExp(`<title id="${title}">[^<]+</title><desc id="${alt}">[^<]+</desc>`))
  }
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  assert.is(new Set(ids).size, ids.length)
})

test('the page loads nothing, and what it is told is text', () => {
  assert.not.match(page, /<script|<link|src=|url\(|https?:/)
  assert.ok(page.includes('A &lt;fast&gt; &amp; quiet processor'))
  assert.ok(page.includes('&lt;never&gt;'))
  assert.not.match(page, /NaN|Infinity|undefined|>null</)
})

test('a report of some rows has plots of these alone', () => {
  const part = asPage(reportOf(outcomes, FRAME, MACHINE, (row) => row === 'memory'))
  assert.ok(part.includes('id="memory-title"'))
  assert.not.match(part, /id="score-title"|id="wire-title"/)
})

test('a ratio says how many times better Type-1 is, whichever way the number goes', () => {
  assert.is(ratioOf('higher', 6, 2), 3)
  assert.is(ratioOf('lower', 2, 6), 3)
  assert.is(ratioOf('higher', 0, 6), 0)
  assert.is(ratioOf('higher', 6, 0), null)
  assert.is(ratioOf('lower', 0, 6), null)
  assert.is(ratioOf('lower', 6, -1), null)
  assert.is(ratioOf('lower', null, 6), null)
})

test('Type-1 is measured by what hosted reaches, and a lost commit fails the whole', () => {
  assert.is(report.summary.met, true)
  const slow = outcomes.map((each) => (each.variant === 'type1' ? outcome('type1', each.run, 2) : each))
  assert.is(reportOf(slow, FRAME, MACHINE, () => true).summary.met, false)
  const lost = outcomes.map((each, i) => (i === 0 ? { ...each, lostCommits: 2 } : each))
  const { summary } = reportOf(lost, FRAME, MACHINE, () => true)
  assert.is(summary.met, false)
  assert.is(summary.value, 2)
})

test('what was never answered is no figure', () => {
  const mute = { ...outcome('qemu', 0, 1), neighbour: undefined, memoryBytes: undefined }
  const found = figuresOf([mute], () => true).find(({ name }) => name === 'memory of a guest')!
  assert.is(found.medians.qemu, null)
  assert.equal(found.runs.qemu, [])
})

test('the steps of an axis are round and reach over everything', () => {
  assert.equal(ticksUpTo(3), [0, 1, 2, 3])
  assert.equal(ticksUpTo(97), [0, 20, 40, 60, 80, 100])
  assert.equal(ticksUpTo(0), [0, 1])
})

test.run()
