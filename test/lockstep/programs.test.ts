// Programs that test themselves on Orlop alone: what the specification says and QEMU does otherwise.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { STOP_POWEROFF, STOP_TEST_FAILED } from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'
import { runProgram } from './orlop.ts'

const here = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url))
const withAssembler = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

withAssembler('the hart keeps to the specification where QEMU does not', async () => {
  const program = assemble({ sources: [here('specification.S')] })
  const verdict = await runProgram(readFileSync(program.flat), program.symbols.get('tohost') as number)
  const failed = verdict.reason === STOP_TEST_FAILED ? `case ${verdict.code} of specification.S fails` : undefined
  assert.is(failed, undefined)
  assert.is(verdict.reason, STOP_POWEROFF)
})

test.run()
