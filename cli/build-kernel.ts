// `orlop build-kernel`: builds the lean guest kernel into the cache.

import { buildLeanKernel } from '../guests/linux/build.ts'
import { OrlopError } from './error.ts'
import { readWords } from './flags.ts'
import { withProgress } from './work.ts'

export const help = `Usage: orlop build-kernel [--jobs N] [--force] [--json]

Builds a lean riscv64 kernel from Debian's kernel source: virtio-mmio and steal time built in, no modules, a tenth of
the instructions to a shell. Takes about ten minutes and 2.5 GB on the way; the result is kept in the cache, and "orlop run"
takes it from then on. Needs the cross compiler (apt-get install gcc-riscv64-linux-gnu gcc make flex bison bc).

  --jobs N    run N compilers at once (default: the number of processors)
  --force     build again although the cache has a kernel of this configuration
  --json      print the result as JSON
`

const FLAGS = { jobs: { value: true }, force: { value: false }, json: { value: false } }
const MAX_JOBS = 1024

/** Does what the words after "build-kernel" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const { values, rest } = readWords('build-kernel', FLAGS, args)
  if (rest.length > 0) throw new OrlopError(`"orlop build-kernel" takes no word "${rest[0]}".`)
  const jobs = readJobs(values.get('jobs')?.[0])
  const force = values.has('force')
  const built = await withProgress((work) => buildLeanKernel({ force, ...(jobs !== undefined && { jobs }), ...work }))
  if (values.has('json')) process.stdout.write(`${JSON.stringify(built)}\n`)
  else {
    const { version, kernel, initrd, log } = built
    process.stdout.write(`Lean kernel ${version}\n  kernel ${kernel}\n  initrd ${initrd}\n  log    ${log}\n`)
  }
  return 0
}

function readJobs(word: string | undefined): number | undefined {
  if (word === undefined) return undefined
  if (/^\d{1,4}$/.test(word) && Number(word) >= 1 && Number(word) <= MAX_JOBS) return Number(word)
  throw new OrlopError(`--jobs takes a number from 1 to ${MAX_JOBS}, not "${word}".`)
}
