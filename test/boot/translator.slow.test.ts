// Kernels boot and work with the interpreter alone, with translated code, and with both engines doing everything.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { argumentsFor, debian, type FindGuest, lean, PROMPT } from './guests.ts'
import { splitReport, startOrlop } from './orlop.ts'

/** Least share of instructions that translated code is to have retired by the end of the work. */
const SHARE = { off: 0, on: 0.2, verify: 0.2 }
/** Some work for the shell: numbers, pipes, a sum over it all. */
const WORK = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "$i $((i*i%97))"; done | sort -n -k 2 | md5sum'
const SUM = /^[0-9a-f]{32} {2}-$/m

/** What the work gives, once it has been done: the same for everybody. */
let sum: string | undefined

function works(name: string, find: FindGuest, translator: keyof typeof SHARE): void {
  test(`${name} boots, works and switches off with --translator ${translator}`, async () => {
    const guest = await find()
    if (guest === undefined) return
    const talk = startOrlop([
      'run',
      ...argumentsFor(guest),
      '--memory',
      '128M',
      '--translator',
      translator,
      '--stats',
      'json',
    ])
    await talk.hold(async () => {
      await talk.hear(PROMPT)
      talk.type(`${WORK}\n`)
      const found = SUM.exec(await talk.hear(PROMPT))?.[0]
      assert.ok(found !== undefined, 'there is no sum')
      assert.is(found, (sum ??= found))
      talk.type('poweroff\n')
      assert.is(await talk.end(), 0, talk.errors)
    })
    const { report } = splitReport(talk.heard)
    assert.ok(report !== undefined, 'there is no report')
    const share = report.translatedShare
    assert.ok(share >= SHARE[translator], `${share} of all instructions were translated`)
    if (translator === 'off') assert.is(report.regionEntries, 0)
  })
}

for (const translator of ['off', 'on', 'verify'] as const) {
  works("Debian's kernel", debian, translator)
  works('the lean kernel', lean, translator)
}

test.run()
