// The consolidation tile: percentiles with what was never done, quality of service, scores, and commits that must not be lost.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { textOf } from '../../bench/tile/guests.ts'
import { frameOf, lostCommits } from '../../bench/tile/ledger.ts'
import { ROLES, WORKLOADS } from '../../bench/tile/load.ts'
import { pssOf } from '../../bench/tile/processes.ts'
import {
  judge,
  judgeTile,
  neighbourDelay,
  neighbourLoss,
  peak,
  scoreStep,
  type TileDone,
  tileScore,
} from '../../bench/tile/score.ts'
import { doneOf } from '../../bench/tile/window.ts'

const { web, app, db } = WORKLOADS
const SECONDS = 10

/** All that is offered is done in the time that it takes alone. */
function wellDone(): TileDone {
  const entries = ROLES.map((role) => {
    const { rate, soloMs } = WORKLOADS[role]
    const offered = rate * SECONDS
    return [role, { offered, wrong: 0, ms: Array.from({ length: offered }, () => soloMs) }]
  })
  return Object.fromEntries(entries) as TileDone
}

test('what a guest prints of its work is read as counts and milliseconds', () => {
  assert.equal(doneOf('offered 4 wrong 1\nus 1500 20 300000\n'), { offered: 4, wrong: 1, ms: [1.5, 0.02, 300] })
  assert.equal(doneOf('offered 2 wrong 0\nus\n'), { offered: 2, wrong: 0, ms: [] })
  assert.throws(() => doneOf('offered 4'), /told nothing of its work/)
})

test('a percentile counts what was never done as never finished', () => {
  const ms = Array.from({ length: 94 }, (_, i) => i + 1)
  const judged = judge(db, { offered: 100, wrong: 0, ms }, SECONDS)
  assert.is(judged.p50, 50)
  assert.is(judged.p95, null)
  assert.is(judge(db, { offered: 94, wrong: 0, ms }, SECONDS).p95, 90)
})

test('only what is right and in time is good', () => {
  const judged = judge(app, { offered: 5, wrong: 1, ms: [1, 2, app.deadlineMs, app.deadlineMs + 1] }, SECONDS)
  assert.is(judged.goodRate, 3 / SECONDS)
  assert.is(judged.goodShare, 3 / 5)
  assert.is(judged.answered, 4)
})

test('each quality of service that is missed is told in words', () => {
  const slow = Array.from({ length: 80 }, () => 11 * web.soloMs)
  assert.equal(judge(web, { offered: 80, wrong: 0, ms: slow }, SECONDS).failures, ['web: p95 is 66.0 ms, not 60 ms'])
  const wrong = judge(web, { offered: 80, wrong: 1, ms: Array.from({ length: 79 }, () => 1) }, SECONDS).failures
  assert.is(wrong[0], 'web: 1 wrong')
  assert.match(wrong[1]!, /98\.8 % in time, not 99\.9 %/)
  assert.match(judge(db, { offered: 10, wrong: 0, ms: [] }, SECONDS).failures.join(), /p95 is never/)
})

test('a tile that does all of what is offered is worth one, and the sum counts the tiles', () => {
  const tile = judgeTile(wellDone(), SECONDS)
  assert.ok(Math.abs(tileScore(tile) - 1) < 1e-12)
  const step = scoreStep([tile, tile, tile])
  assert.is(step.tiles, 3)
  assert.equal(step.failures, [])
  assert.ok(Math.abs(step.score - 3) < 1e-12)
})

test('a tile is worth the geometric mean of what its guests do', () => {
  const done = wellDone()
  done.db.ms = done.db.ms.slice(0, done.db.ms.length / 2)
  const score = tileScore(judgeTile(done, SECONDS))
  assert.ok(Math.abs(score - 0.5 ** (1 / ROLES.length)) < 1e-12)
})

test('a guest that does nothing makes its tile worth nothing', () => {
  const done = wellDone()
  done.mail = { offered: 100, wrong: 0, ms: [] }
  assert.is(tileScore(judgeTile(done, SECONDS)), 0)
})

test('the peak of a ramp lies before the first step that fails', () => {
  const step = (tiles: number, score: number, failures: string[] = []) => ({ tiles, score, failures })
  assert.equal(peak([step(1, 1), step(2, 1.9), step(3, 2.7, ['web'])]), { tiles: 2, score: 1.9 })
  assert.equal(peak([step(1, 1), step(2, 1.9, ['db']), step(3, 2.7)]), { tiles: 1, score: 1 })
  assert.equal(peak([step(1, 0.8, ['app'])]), { tiles: 0, score: 0 })
  assert.equal(peak([step(1, 1), step(2, 0.9)]), { tiles: 1, score: 1 })
})

test('a bad neighbour is not counted among those who lose', () => {
  const calm = judgeTile(wellDone(), SECONDS)
  const done = wellDone()
  done.batch = { offered: 0, wrong: 0, ms: [] }
  done.web.ms = done.web.ms.slice(0, done.web.ms.length / 2)
  const loss = neighbourLoss(calm, judgeTile(done, SECONDS), 'batch')
  assert.is(loss.web, 50)
  assert.is(loss.db, 0)
  assert.not('batch' in loss)
  assert.ok(Math.abs(loss.all! - 100 * (1 - 0.5 ** (1 / 5))) < 1e-9)
})

test('how much longer things take beside a bad neighbour is the mean of all others', () => {
  const calm = judgeTile(wellDone(), SECONDS)
  const done = wellDone()
  done.batch = { offered: 0, wrong: 0, ms: [] }
  done.web.ms = done.web.ms.map((ms) => 32 * ms)
  assert.ok(Math.abs(neighbourDelay(calm, judgeTile(done, SECONDS), 'batch')! - 2) < 1e-9)
  done.db.ms = []
  assert.is(neighbourDelay(calm, judgeTile(done, SECONDS), 'batch'), null)
})

test('a commit that is not on the disk as it was written is lost', () => {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-tile-'))
  try {
    const path = join(folder, 'db.img')
    const frames = [0, 1, 2].map((number) => frameOf(7, number))
    writeFileSync(path, Buffer.concat([Buffer.alloc(8 * 4096), ...frames, Buffer.alloc(5 * 4096)]))
    assert.is(lostCommits(path, 7, 3), 0)
    assert.is(lostCommits(path, 7, 4), 1)
    assert.is(lostCommits(path, 8, 3), 3)
    frames[1]![4095]! ^= 1
    writeFileSync(path, Buffer.concat([Buffer.alloc(8 * 4096), ...frames, Buffer.alloc(5 * 4096)]))
    assert.is(lostCommits(path, 7, 3), 1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('no two guests have the same data, and each has it again', () => {
  assert.is(textOf('web 1', 5000).length, 5000)
  assert.ok(textOf('web 1', 5000).equals(textOf('web 1', 5000)))
  assert.not(textOf('web 1', 5000).equals(textOf('web 2', 5000)))
})

test('the part of shared memory that a process has is read in bytes', () => {
  assert.is(
    pssOf('55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:    2000 kB\nPss:    1500 kB\nPss_Anon: 9 kB\n'),
    1500 * 1024,
  )
  assert.throws(() => pssOf('nothing'), /needs Linux with \/proc/)
})

test.run()
