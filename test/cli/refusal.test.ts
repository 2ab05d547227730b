// What the machine refuses, as a command shows it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { asOrlopError } from '../../cli/machine/refusal.ts'
import { LostError, MachineError } from '../../host-shim/error.ts'
import { E_BUSY } from '../../hypervisor/abi.ts'

test('a guest whose process was lost while it was started is told as that, and not as a fault of Orlop', () => {
  const { message, exitCode } = asOrlopError(new LostError('web', 'was ended by SIGKILL'), 'web')
  assert.equal([message, exitCode], ['The process of web was ended by SIGKILL.', 1])
})

test('what a machine refuses is bad input, and anything else a fault of Orlop', () => {
  const refused = asOrlopError(new MachineError(E_BUSY, 'It is busy; try again.'), 'web')
  assert.equal([refused.message, refused.exitCode], ['"web": It is busy; try again.', 2])
  assert.is(asOrlopError(new TypeError('x is not a function')).exitCode, 70)
})

test.run()
