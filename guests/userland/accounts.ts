// The accounts of a new Debian: what systemd-sysusers would make of the packages' sysusers.d files (sysusers.d(5)).

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrlopError } from '../../cli/error.ts'

/** Contents of the files below /etc with the same names. */
export interface Accounts {
  passwd: string
  group: string
  shadow: string
  gshadow: string
}

/** Numbers that sysusers gives where a file asks for none: from the upper end down (SYS_UID_MAX of login.defs). */
const HIGHEST_FREE = 999

/** The accounts that the packages in `root` want. Root has no password; nobody else can log in. */
export async function readAccounts(root: string): Promise<Accounts> {
  const folder = join(root, 'usr/lib/sysusers.d')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.conf')).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return makeAccounts(texts.join('\n'))
}

/** The accounts that a text in the form of sysusers.d asks for; lines other than of users, groups and members are left. */
export function makeAccounts(text: string): Accounts {
  const lines = text.split('\n').map(splitFields)
  const groups = new Map<string, { gid: number; members: string[] }>()
  const users: { name: string; uid: number; gid: number; gecos: string; home: string; shell: string }[] = []
  const taken = new Set(lines.map(([, , id = '']) => Number.parseInt(id, 10)))
  let next = HIGHEST_FREE
  const number = (id: string | undefined) => {
    if (id !== undefined && /^\d+$/.test(id)) return Number(id)
    while (taken.has(next)) next--
    return next--
  }
  const addGroup = (name: string, gid: number) => {
    if (!groups.has(name)) groups.set(name, { gid, members: [] })
  }
  for (const [kind, name = '', id] of lines) if (kind === 'g') addGroup(name, number(id))
  for (const [kind = '', name = '', id = '-', gecos = '-', home = '-', shell = '-'] of lines) {
    if (!/^u!?$/.test(kind) || users.some((user) => user.name === name)) continue
    const [uidField, groupField] = id.split(':')
    const uid = number(uidField)
    const group = groups.get(groupField ?? name)
    const gid = groupField !== undefined && /^\d+$/.test(groupField) ? Number(groupField) : (group?.gid ?? uid)
    if (groupField === undefined) addGroup(name, gid)
    const or = (field: string, otherwise: string) => (field === '-' ? otherwise : field)
    users.push({ name, uid, gid, gecos: or(gecos, ''), home: or(home, '/'), shell: or(shell, '/usr/sbin/nologin') })
  }
  for (const [kind, user = '', group = ''] of lines) {
    if (kind !== 'm') continue
    groups.get(group)?.members.push(user)
  }
  if (!users.some(({ name, uid }) => name === 'root' && uid === 0))
    throw new OrlopError('No package of this system brings the account of root; use another mirror.', 1)
  const byNumber = [...groups].sort(([, a], [, b]) => a.gid - b.gid)
  users.sort((a, b) => a.uid - b.uid)
  const join = (rows: string[]) => rows.map((row) => `${row}\n`).join('')
  return {
    passwd: join(users.map((u) => `${u.name}:x:${u.uid}:${u.gid}:${u.gecos}:${u.home}:${u.shell}`)),
    group: join(byNumber.map(([name, { gid, members }]) => `${name}:x:${gid}:${members.join()}`)),
    // The day of the last change is one that every clock has passed, or a password would have to be set first.
    shadow: join(users.map(({ name }) => `${name}:${name === 'root' ? '' : '!*'}:19000::::::`)),
    gshadow: join(byNumber.map(([name, { members }]) => `${name}:!*::${members.join()}`)),
  }
}

/** Fields are divided by blanks; quotes hold blanks together. */
function splitFields(line: string): string[] {
  if (/^\s*#/.test(line)) return []
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}
