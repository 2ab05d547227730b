// The accounts that packages ask for become the files that a login reads.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OrlopError } from '../../../cli/error.ts'
import { makeAccounts } from '../../../guests/userland/accounts.ts'

const BASE = `# comment
g shadow 42 -
g nogroup 65534 -
u root 0 - /root /bin/bash
u games 5:60 - /usr/games /usr/sbin/nologin
g games 60 -
u sync 4:65534 - /bin /bin/sync
`

test('users and groups get the numbers, homes and shells that the files ask for', () => {
  const { passwd, group } = makeAccounts(BASE)
  assert.is(
    passwd,
    'root:x:0:0::/root:/bin/bash\nsync:x:4:65534::/bin:/bin/sync\ngames:x:5:60::/usr/games:/usr/sbin/nologin\n',
  )
  assert.is(group, 'root:x:0:\nshadow:x:42:\ngames:x:60:\nnogroup:x:65534:\n')
})

test('who asks for no number gets a free one, the same as a user and as a group', () => {
  const { passwd, group } = makeAccounts(
    `${BASE}u messagebus - "System Message Bus" /nonexistent\ng input -\ng taken 998 -\n`,
  )
  assert.match(passwd, /^messagebus:x:997:997:System Message Bus:\/nonexistent:\/usr\/sbin\/nologin$/m)
  assert.match(group, /^input:x:999:$/m)
  assert.match(group, /^messagebus:x:997:$/m)
})

test('a locked user gets an account, and members are in their group', () => {
  const { passwd, group, gshadow } = makeAccounts(`${BASE}u! net - "Network"\nm games shadow\n`)
  assert.match(passwd, /^net:x:999:999:Network:\/:\/usr\/sbin\/nologin$/m)
  assert.match(group, /^shadow:x:42:games$/m)
  assert.match(gshadow, /^shadow:!\*::games$/m)
})

test('root has an empty password, and nobody else can log in', () => {
  const { shadow } = makeAccounts(BASE)
  assert.match(shadow, /^root::/)
  for (const line of shadow.trim().split('\n').slice(1)) assert.match(line, /^\w+:!\*:/)
})

test('a system without root is refused', () => {
  assert.throws(
    () => makeAccounts('u nobody 65534 -\n'),
    (error: unknown) => error instanceof OrlopError && /root/.test(error.message),
  )
})

test.run()
