// `orlop pull`: fetches a guest system into the cache.

import { pullDebian } from '../guests/debian/pull.ts'
import { OrlopError } from './error.ts'
import { readWords } from './flags.ts'
import { withProgress } from './work.ts'

export const help = `Usage: orlop pull debian [--refresh] [--json]

Fetches Debian's riscv64 kernel and a static busybox, checks them, and makes the initial file system that starts
them. Packages come through this machine's apt, or by HTTP from ORLOP_DEBIAN_MIRROR where there is no apt. What is
already in the cache is used as it is.

  --refresh   look for newer packages although the cache is complete
  --json      print the result as JSON

Environment:
  ORLOP_CACHE            the cache folder (default: $XDG_CACHE_HOME/orlop or ~/.cache/orlop)
  ORLOP_DEBIAN_MIRROR    address of a Debian archive, instead of the one in apt's sources
  ORLOP_DEBIAN_KEYRING   file with the archive's keys (default: that of debian-archive-keyring)
`

const FLAGS = { refresh: { value: false }, json: { value: false } }

/** Does what the words after "pull" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const { values, rest } = readWords('pull', FLAGS, args)
  const [system, ...others] = rest
  if (system === undefined) throw new OrlopError('Name the system to pull: "orlop pull debian".')
  if (system !== 'debian') throw new OrlopError(`There is no system "${system}" to pull; there is "debian".`)
  if (others.length > 0) throw new OrlopError(`Pull one system at a time; "${others.join(' ')}" is too much.`)
  const pulled = await withProgress((work) => pullDebian({ refresh: values.has('refresh'), ...work }))
  if (values.has('json')) process.stdout.write(`${JSON.stringify(pulled)}\n`)
  else process.stdout.write(`Debian kernel ${pulled.version}\n  kernel ${pulled.kernel}\n  initrd ${pulled.initrd}\n`)
  return 0
}
