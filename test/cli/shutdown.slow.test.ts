// The power key through the verbs of a machine: Linux guests that listen, one that listens late, and one that never does.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GuestSample } from '../../cli/machine/sample.ts'
import { argumentsFor, debian, type FindGuest, lean } from '../boot/guests.ts'
import { DEAF, deafGuest, fieldsOf, LISTENS } from './deaf.ts'
import { becomes, Client, cleanUp, does, file, folder, json, logOf, refuses, says, until, up } from './lab.ts'

/** Seconds for what takes two on a quick computer; the command itself is given up later. */
const PATIENCE = '180'

const reasonOf = (name: string) => json<{ guest: GuestSample }>('info', name).guest.reason
const types = (client: Client, guest: string, text: string) =>
  client.request('input', { guest, bytes: Buffer.from(text).toString('base64') })

for (const [name, find] of [
  ["Debian's kernel", debian],
  ['the lean kernel', lean],
] as [string, FindGuest][]) {
  test(`on ${name} a guest is rebooted, shut down, started, and shut down without waiting`, async () => {
    const system = await find()
    if (system === undefined) return
    up(file('lab.yaml', `machine: { cpus: 2, memory: 192M }\nguests:\n  one: { ${fieldsOf(argumentsFor(system))} }\n`))
    const client = await Client.connect('lab')
    await says(client, 'one', 'Leave with')

    assert.match(does('reboot', 'one'), /^one: in shutdown/)
    await until('it was rebooted', () => /one: running \(rebooted\)/.test(logOf('lab')))
    await says(client, 'one', 'Leave with', 2)
    assert.match(does('shutdown', '--timeout', PATIENCE, 'one'), /^one: shut off \(powered itself off\)\n$/)

    does('start', 'one')
    await says(client, 'one', 'Leave with', 3)
    assert.match(does('shutdown', 'one'), /^one: (in shutdown|shut off)/)
    await becomes(client, 'one', /shut off/)
    assert.is(reasonOf('one'), 'powered itself off')
    assert.not.match(logOf('lab'), /not off after/)
    client.close()
    does('down')
  })
}

test('a press that nobody heard is repeated until somebody does', async () => {
  const guest = await deafGuest(lean, folder)
  if (guest === undefined) return
  up(file('late.yaml', `machine: { cpus: 2, memory: 192M }\nguests:\n  late: { ${guest} }\n`))
  const client = await Client.connect('late')
  await says(client, 'late', DEAF)
  does('shutdown', 'late')
  assert.is(json<{ guest: GuestSample }>('info', 'late').guest.state, 'in shutdown')
  // The first press is over by now: it was answered before anybody was told to listen.
  await types(client, 'late', '\n')
  await becomes(client, 'late', /shut off/)
  assert.is(reasonOf('late'), 'powered itself off')

  // The same for a reboot, which comes back deaf.
  does('start', 'late')
  await says(client, 'late', DEAF, 2)
  does('reboot', 'late')
  await types(client, 'late', '\n')
  await until('it was rebooted', () => /late: running \(rebooted\)/.test(logOf('late')))
  client.close()
  does('down', '--timeout', '0')
})

test('a guest that does not listen keeps running after the time-out, which says what to do; --force does it', async () => {
  const guest = await deafGuest(lean, folder)
  if (guest === undefined) return
  up(file('never.yaml', `machine: { cpus: 2, memory: 192M }\nguests:\n  never: { ${guest} }\n`))
  const client = await Client.connect('never')
  await says(client, 'never', DEAF)
  const sentence = /"never" has not shut down within 4 s; "orlop poweroff never" ends it at once/
  assert.match(refuses(['shutdown', '--timeout', '4', 'never'], 124), sentence)
  assert.is(json<{ guest: GuestSample }>('info', 'never').guest.state, 'in shutdown')
  await until('the log tells', () => /never: warning \(not off after 4 s; "orlop poweroff never"/.test(logOf('never')))

  // It still works: what it is told, it does.
  await types(client, 'never', '\n')
  await says(client, 'never', LISTENS)

  does('reset', 'never')
  await says(client, 'never', DEAF, 2)
  const forced = does('shutdown', '--timeout', '1', '--force', 'never')
  assert.match(forced, /^never: shut off \(powered off by a user\)\n$/)
  client.close()
  does('down')
})

test.after(cleanUp)
test.run()
