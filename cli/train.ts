// `orlop train`: runs a fleet, and makes an image for WASI in which the code that was hot is translated.

import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { MachineError } from '../host-shim/error.ts'
import type { Translator } from '../host-shim/guest-spec.ts'
import { findArtefact } from '../host-shim/node/artefact.ts'
import { writeWhole } from '../host-shim/node/boot-folder.ts'
import { refuseStranger } from '../host-shim/node/embedded-image.ts'
import { refusal } from '../host-shim/node/file.ts'
import { startMachine } from '../host-shim/node/main.ts'
import { trainImage } from '../host-shim/trained-image.ts'
import { Training, type TrainedUnit } from '../host-shim/training.ts'
import { print, printJson } from './ask.ts'
import { PATIENCE_MS } from './down.ts'
import { OrlopError } from './error.ts'
import { type Flag, readWords, type Words } from './flags.ts'
import { readFleetFile } from './fleet/file.ts'
import type { Fleet } from './fleet/plan.ts'
import { showEvent } from './machine/events.ts'
import { Machine } from './machine/machine.ts'
import { asOrlopError } from './machine/refusal.ts'
import { MachineServer } from './machine/server.ts'
import { parseSize } from './size.ts'
import { memoryOf, obeySignals } from './up.ts'

/** Less is translated than hot code alone needs: what is compiled when the image is started costs nothing while it runs. */
export const HEAT = 500_000
export const MOST_BYTES = 8 * 2 ** 20
const OUTPUT = 'orlop-trained.wasm'
/** A timer of Node has no more. */
const SECONDS_MOST = 2_147_483

export const help = `Usage: orlop train [FLAGS] FLEET.yaml

Runs the guests of a fleet file, as "orlop up" does, and writes an image for WASI runtimes in which the code that was hot is
translated: where a guest has the very same code it runs compiled, and everything else is interpreted. Training ends when all
guests are off, after --seconds, or with Ctrl-C, which shuts them down; "orlop console GUEST" gives them work meanwhile. What
they write to their disks stays there.

  -o, --output F   the image (default: ${OUTPUT})
  --image F        the image to begin with (default: the one that was built)
  --seconds S      shut the guests down after S seconds
  --heat N         instructions that code must have cost the interpreter to be worth it (default: ${HEAT})
  --most SIZE      bytes of translated code at most, what was hot first (default: ${MOST_BYTES / 2 ** 20}M); a runtime compiles
                   about a megabyte in a second before it starts, and mostly keeps the result
  --no-relaxed-simd
                   make floating-point multiply-adds of what all runtimes know: a third as fast, for runtimes that have no
                   relaxed SIMD, or whose multiply-adds round twice, as wasmer's do
  --json           print what happens as JSON, one line for each event, and at the end what was made

Exit codes: 0 the image is written; 1 nothing was hot, or another failure; 2 bad input; 70 a fault of Orlop itself.
`

const FLAGS: Record<string, Flag> = {
  output: { value: true, short: 'o' },
  image: { value: true },
  seconds: { value: true },
  heat: { value: true },
  most: { value: true },
  'no-relaxed-simd': { value: false },
  json: { value: false },
}

/** Does what the words after "train" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readWords('train', FLAGS, args)
  const [path, ...others] = words.rest
  if (path === undefined)
    throw new OrlopError('Give a fleet file: "orlop train FLEET.yaml"; docs/fleet.md explains it.')
  if (others.length > 0) throw new OrlopError(`Give one fleet file; "${others[0]}" is too much.`)
  const flag = (name: string) => words.values.get(name)?.[0]
  const heat = whole(flag('heat'), '--heat', HEAT)
  const seconds = flag('seconds') === undefined ? undefined : whole(flag('seconds'), '--seconds', 0, SECONDS_MOST)
  const most = flag('most') === undefined ? MOST_BYTES : parseSize(flag('most') as string, '--most')
  const image = readImage(flag('image'))
  const output = flag('output') ?? OUTPUT
  refuseOutput(output)
  const training = new Training()
  // An image that cannot be trained is found out before anything is started.
  train(image, [], training)
  await runFleet(await readFleetFile(path, {}), training, { heat, seconds, words })
  const units = chosen(training.units(), most)
  if (units.length === 0) throw new OrlopError('Nothing became hot; let the guests do more, or give a lower --heat.', 1)
  const trained = train(image, units, training)
  await writeWhole(output, { name: basename(output), from: trained }, {}).catch((error) => {
    throw asOrlopError(refusal(output, error))
  })
  tell(units, output, trained.length, words)
  return 0
}

function whole(text: string | undefined, name: string, otherwise: number, most = 999_999_999): number {
  if (text === undefined) return otherwise
  if (/^[1-9]\d{0,8}$/.test(text) && Number(text) <= most) return Number(text)
  throw new OrlopError(`${name}: "${text}" is no whole number from 1 to ${most}.`)
}

/** What would be found out when all training is done. */
function refuseOutput(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
    refuseStranger(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new OrlopError(`The folder "${dirname(path)}" is not there; make it, or give another --output.`)
    }
    throw asOrlopError(refusal(path, error))
  }
}

function readImage(given: string | undefined): Uint8Array {
  const path = given ?? findArtefact('orlop-wasi.wasm')
  if (path === undefined) throw new OrlopError('The image for WASI has not been built yet; run "npm run build" first.')
  if (!existsSync(path)) throw new OrlopError(`There is no image "${path}"; check the path.`)
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    throw new OrlopError(`--image: ${path} cannot be read: ${(cause as Error).message}.`, 2, { cause })
  }
}

function train(image: Uint8Array, units: TrainedUnit[], { stamp, probe }: Training): Uint8Array {
  try {
    return trainImage(image, { units, stamp, probe })
  } catch (error) {
    throw error instanceof MachineError ? asOrlopError(error) : error
  }
}

/** The first units that have together at most so many bytes of code. */
export function chosen(units: TrainedUnit[], mostBytes: number): TrainedUnit[] {
  let left = mostBytes
  return units.filter((unit) => {
    left -= codeBytes(unit)
    return left >= 0
  })
}

function codeBytes({ bodies }: TrainedUnit): number {
  return bodies.reduce((sum, body) => sum + body.length, 0)
}

interface Plan {
  heat: number
  seconds: number | undefined
  words: Words
}

/** Runs the machine on one CPU, as what is made for one alone needs no atomic instructions, until its training is over. */
async function runFleet(
  { machine: plan, ...rest }: Fleet,
  training: Training,
  { heat, seconds, words }: Plan,
): Promise<void> {
  const metal = (() => {
    try {
      const warn = (text: string) => machine.log.add(undefined, 'warning', text)
      return startMachine({ cpus: 1, memoryBytes: memoryOf(plan), warn, keep: (module) => training.add(module) })
    } catch (error) {
      throw error instanceof MachineError ? asOrlopError(error) : error
    }
  })()
  const machine = new Machine(plan.name, metal)
  const server = new MachineServer(machine)
  try {
    await server.listen()
  } catch (error) {
    await metal.stop()
    throw error
  }
  obeySignals(machine)
  const isJson = words.values.has('json')
  if (!isJson) print(`${machine.name}: training, "orlop down" ends it\n`)
  const unwatch = machine.log.watch(isJson ? printJson : (event) => print(`${showEvent(event)}\n`))
  const translator: Translator = words.values.has('no-relaxed-simd') ? 'train' : 'train-relaxed'
  const guests = rest.guests.map((guest) => (guest.translator === 'on' ? { ...guest, translator, heat } : guest))
  const end = () => void machine.down(PATIENCE_MS).catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  try {
    await machine.add({ ...rest, guests })
    await machine.autostart()
    if (seconds !== undefined) timer = setTimeout(end, seconds * 1_000)
    const endWithGuests = () => {
      if (machine.all().every((guest) => guest.state() === 'shut off' || guest.state() === 'crashed')) end()
    }
    const unlook = machine.log.watch(() => setImmediate(endWithGuests))
    endWithGuests()
    await metal.ended
    unlook()
  } catch (error) {
    throw error instanceof OrlopError
      ? error
      : new OrlopError(`The machine has failed: ${(error as Error).message}`, 70)
  } finally {
    clearTimeout(timer)
    unwatch()
    await server.close()
  }
}

function tell(units: TrainedUnit[], output: string, bytes: number, words: Words): void {
  const functions = units.reduce((sum, { bodies }) => sum + bodies.length, 0)
  const code = units.reduce((sum, unit) => sum + codeBytes(unit), 0)
  if (words.values.has('json')) printJson({ output, bytes, units: units.length, functions, codeBytes: code })
  else print(`${output}: ${mebi(bytes)}, of which ${mebi(code)} are ${functions} translated functions\n`)
}

function mebi(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
