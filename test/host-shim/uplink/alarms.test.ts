// Sleepers are woken when they want to, in order, and not when they no longer want to.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Alarms, type Sleeper } from '../../../host-shim/uplink/alarms.ts'
import { SetClock } from './time.ts'

function bed() {
  const clock = new SetClock()
  const alarms = new Alarms(clock)
  const woken: string[] = []
  const sleeper = (name: string): Sleeper => ({
    wakeAt: 0,
    lookAt: 0,
    wake: (now) => woken.push(`${name} ${now - 1000}`),
  })
  return { clock, alarms, woken, sleeper, at: (ms: number) => clock.now() + ms }
}

test('sleepers are woken in the order of their times', () => {
  const { clock, alarms, woken, sleeper, at } = bed()
  for (const ms of [50, 10, 40, 20, 30]) alarms.set(sleeper(`s${ms}`), at(ms))
  clock.pass(35)
  assert.equal(woken, ['s10 10', 's20 20', 's30 30'])
  clock.pass(100)
  assert.is(woken.length, 5)
  assert.is(clock.pending, 0)
})

test('an alarm can be put off, brought forward and taken back', () => {
  const { clock, alarms, woken, sleeper, at } = bed()
  const [later, sooner, never] = [sleeper('later'), sleeper('sooner'), sleeper('never')]
  alarms.set(later, at(10))
  alarms.set(sooner, at(100))
  alarms.set(never, at(20))
  alarms.set(later, at(60))
  alarms.set(sooner, at(5))
  alarms.set(never, 0)
  clock.pass(1000)
  assert.equal(woken, ['sooner 5', 'later 60'])
})

test('an alarm that is put off ten thousand times takes one place', () => {
  const { clock, alarms, woken, sleeper } = bed()
  const one = sleeper('one')
  for (let i = 0; i < 10_000; i++) {
    alarms.set(one, clock.now() + 100)
    clock.pass(1)
    assert.ok(clock.pending <= 1)
  }
  assert.is(woken.length, 0)
  clock.pass(100)
  assert.is(woken.length, 1)
})

test.run()
