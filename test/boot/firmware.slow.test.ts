// Debian's OpenSBI runs in M mode, as on hardware, and starts the kernels that we otherwise start ourselves.

import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { opensbi, requireOracle } from '../support/tools.ts'
import { APPEND, argumentsFor, debian, type FindGuest, lean, PROMPT } from './guests.ts'
import { splitReport, startOrlop } from './orlop.ts'

/** Lines of OpenSBI's own report on the platform, and what they must say. */
const SEEN_BY_OPENSBI: [string, RegExp][] = [
  ['Platform Console Device', /^uart8250$/],
  ['Platform Shutdown Device', /^syscon-poweroff$|^sifive_test$/],
  ['Platform Reboot Device', /^syscon-reboot$|^sifive_test$/],
  ['Platform IPI Device', /^aclint-mswi$/],
  ['Platform Timer Device', /^aclint-mtimer @ 10000000Hz$/],
  ['Domain0 Next Mode', /^S-mode$/],
  ['Boot HART ISA Extensions', /sstc.*svadu/],
  ['Boot HART Base ISA', /^rv64imafdc$/],
]

function starts(firmware: string, name: string, find: FindGuest): void {
  test(`OpenSBI's ${firmware} starts ${name}, which gives a shell and powers off`, async () => {
    const folder = requireOracle(opensbi)
    const guest = await find()
    if (folder === undefined || guest === undefined) return
    // Debian's command gives the kernel no word of how to panic, so a panic would hang here and be seen.
    const args = ['run', '--firmware', join(folder, firmware), ...argumentsFor(guest, APPEND), '--stats', 'json']
    await startOrlop(args).hold(async (talk) => {
      const banner = await talk.hear(/^OpenSBI v\d+\.\d+$/m)
      assert.is(talk.heard.indexOf('OpenSBI'), banner.indexOf('OpenSBI'))
      await talk.hear(PROMPT)
      for (const [field, pattern] of SEEN_BY_OPENSBI) {
        const [, value = ''] = new RegExp(`^${field}\\s+: (.*)$`, 'm').exec(talk.heard) ?? []
        assert.match(value.trim(), pattern, `${field}: ${value}`)
      }
      talk.type('echo $((6*7)) $(uname -m)\n')
      await talk.hear(/^42 riscv64$/m)
      talk.type('dmesg | grep -i "sbi implementation"\n')
      // OpenSBI's number is 1 (SBI specification, table of implementation IDs).
      assert.match(await talk.hear(/SBI implementation ID=.*$/m), /ID=0x1 /)
      talk.type('poweroff\n')
      assert.is(await talk.end(), 0, talk.errors)
      assert.is(splitReport(talk.heard).report?.outcome, 'poweroff')
    })
  })
}

for (const firmware of ['fw_dynamic.bin', 'fw_jump.bin']) {
  starts(firmware, 'the lean kernel', lean)
  starts(firmware, "Debian's kernel", debian)
}

test.run()
