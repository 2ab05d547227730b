// Which packages a system consists of: those it names, and all that they depend on, by the archive's own index.

import type { PackageRecord } from '../debian/packages.ts'
import type { Archive } from '../debian/repository.ts'
import { silent, type Work } from '../progress.ts'

export interface Selection {
  /** Names of packages. */
  packages: string[]
  /** Names that are left out, with what only they depend on: needed to install or to configure, not to run. */
  without: string[]
}

/** Look-ups under way at a time: apt builds its index anew for each, and small machines have two cores. */
const AT_ONCE = 2

/** The records of a selection, sorted by name. Throws where a name is not that of a package. */
export async function close(
  archive: Pick<Archive, 'find'>,
  { packages, without }: Selection,
  { report = silent, signal }: Work = {},
): Promise<PackageRecord[]> {
  const seen = new Set(without)
  const records: PackageRecord[] = []
  const waiting: string[] = []
  const add = (names: string[]) => {
    for (const name of names) {
      if (!seen.has(name)) waiting.push(name)
      seen.add(name)
    }
  }
  add(packages)
  while (waiting.length > 0) {
    signal?.throwIfAborted()
    const found = await Promise.all(waiting.splice(0, AT_ONCE).map((name) => archive.find(name)))
    records.push(...found)
    for (const { depends } of found) add(depends)
    const known = records.length + waiting.length
    report({ step: 'Looking packages up', done: (records.length / known) * 100, total: 100, unit: 'percent' })
  }
  return records.sort((a, b) => (a.name < b.name ? -1 : 1))
}
