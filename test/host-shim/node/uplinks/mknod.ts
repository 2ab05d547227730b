// The device of a macvtap for the tests: where no daemon makes /dev/tapN, and it may be made by hand, it is.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A path that leads to the macvtap of this name; undefined: this user may have none. */
export function mknodSync(name: string): { path: string; remove(): void } | undefined {
  const index = readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8').trim()
  const [major, minor] = readFileSync(`/sys/class/net/${name}/tap${index}/dev`, 'utf8').trim().split(':') as [
    string,
    string,
  ]
  const folder = mkdtempSync(join(tmpdir(), 'orlop-macvtap-'))
  const path = join(folder, 'tap')
  spawnSync('mknod', [path, 'c', major, minor])
  if (existsSync(path)) return { path, remove: () => rmSync(folder, { recursive: true }) }
  rmSync(folder, { recursive: true })
  return undefined
}
