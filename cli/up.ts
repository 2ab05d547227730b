// `orlop up`: starts a machine with the guests of a fleet file, and stays with it.

import { totalmem } from 'node:os'
import { MAX_CPUS } from '../hypervisor/abi.ts'
import { MachineError } from '../host-shim/error.ts'
import { RAM_MAX_BESIDE_CODE } from '../host-shim/machine.ts'
import { HostedMachine } from '../host-shim/node/hosted/machine.ts'
import { startMachine } from '../host-shim/node/main.ts'
import { print, printJson } from './ask.ts'
import { goToBackground } from './background.ts'
import { PATIENCE_MS } from './down.ts'
import { OrlopError } from './error.ts'
import { type Flag, readWords, type Words } from './flags.ts'
import { readFleetFile } from './fleet/file.ts'
import type { Fleet } from './fleet/plan.ts'
import { isName, NAME_RULE } from './fleet/names.ts'
import { fleetSchema } from './fleet/shapes.ts'
import { wholePages } from './guest-memory.ts'
import { showEvent } from './machine/events.ts'
import { Machine } from './machine/machine.ts'
import { asOrlopError } from './machine/refusal.ts'
import { MachineServer } from './machine/server.ts'
import { socketPath } from './machine/socket.ts'
import { RUNTIMES, readRuntime } from './runtime.ts'
import { Screen } from './screen.ts'
import { parseSize } from './size.ts'
import { tableOf } from './table.ts'

export const help = `Usage: orlop up [FLAGS] FLEET.yaml

Starts a machine and the guests of a fleet file, and stays in the foreground with a live table. "orlop list", "orlop
console GUEST" and the other verbs reach it from another terminal. Ctrl-C shuts all guests down, and ends the machine when
they are off or after ${PATIENCE_MS / 1000} s; a second Ctrl-C ends it at once.

  --detach         go to the background as soon as the machine answers; "orlop down" ends it
  --cpus N         physical CPUs, 1 to ${MAX_CPUS} (default: as the file says, or the host's)
  --memory SIZE    RAM of all guests together (default: as the file says, or three quarters of the host's, at most 3.25 GiB)
  --publish P      [ADDRESS:]PORT:GUEST:PORT[/udp]: a port of this host, by default of 127.0.0.1, that is one of the guest's,
                   which must be on a network with a gateway; may be repeated
  --runtime R      what the machine runs on: ${RUNTIMES.join(', ')} (default: node). Under a runtime for WASI it is a process of
                   its own with one CPU, and guests' code is interpreted as far as the image was not trained with it; disks
                   must lie in the folders that the file names
  --hosted         each guest is a process of its own, which the host shares its CPUs and memory among, and the host's sockets
                   are the wires between them: to compare with, and so that a guest's process can fail alone; --cpus is the most
                   that one guest uses then, and --memory counts for nothing
  --image FILE     the image for such a runtime, as "orlop train" makes one (default: the one that was built)
  --name NAME      what the machine is called (default: as the file says, or after the file)
  --schema         print the JSON Schema of fleet files instead
  --json           print what happens as JSON, one line for each event; with --detach, where the machine is

Exit codes: 0 it went down in order; 1 it is up, but not all guests could be started (--detach), or another failure;
2 bad input; 70 a fault of Orlop itself; 130 ended at once.
`

const FLAGS: Record<string, Flag> = {
  detach: { value: false },
  cpus: { value: true },
  memory: { value: true },
  name: { value: true },
  runtime: { value: true },
  hosted: { value: false },
  image: { value: true },
  publish: { value: true, many: true },
  schema: { value: false },
  json: { value: false },
  // How --detach starts the process that stays.
  background: { value: false },
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const REDRAW_MS = 1_000
const EVENTS_SHOWN = 5
/** How long an end at once may take. */
const HURRY_MS = 5_000

/** Does what the words after "up" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const words = readWords('up', FLAGS, args)
  if (words.values.has('schema')) {
    print(`${JSON.stringify(fleetSchema(), undefined, 2)}\n`)
    return 0
  }
  const [path, ...others] = words.rest
  if (path === undefined) throw new OrlopError('Give a fleet file: "orlop up FLEET.yaml"; docs/fleet.md explains it.')
  if (others.length > 0) throw new OrlopError(`Give one fleet file; "${others[0]}" is too much.`)
  const name = words.values.get('name')?.[0]
  const publish = { words: words.values.get('publish') ?? [], where: '--publish' }
  const fleet = changed(await readFleetFile(path, { name, publish }), words)
  if (words.values.has('detach')) return goToBackground(fleet.machine.name, args, words.values.has('json'))
  return stay(fleet, words)
}

/** The fleet with what the flags say. */
function changed(fleet: Fleet, { values }: Words): Fleet {
  const flag = (name: string) => values.get(name)?.[0]
  const machine = { ...fleet.machine }
  const [cpus, memory, name] = [flag('cpus'), flag('memory'), flag('name')]
  if (cpus !== undefined) {
    machine.cpus = /^\d+$/.test(cpus) ? Number(cpus) : 0
    if (machine.cpus < 1 || machine.cpus > MAX_CPUS) {
      throw new OrlopError(`--cpus: "${cpus}" is no number of CPUs; give a whole number from 1 to ${MAX_CPUS}.`)
    }
  }
  if (memory !== undefined) machine.memoryBytes = wholePages(parseSize(memory, '--memory'))
  if (name !== undefined) {
    if (!isName(name)) throw new OrlopError(`--name: "${name}" is no name; it must be ${NAME_RULE}.`)
    machine.name = name
  }
  return { ...fleet, machine }
}

/** Runs the machine until it goes down. */
async function stay({ machine: plan, ...rest }: Fleet, { values }: Words): Promise<number> {
  // What cannot be is found out before anything is started.
  const socket = socketPath(plan.name)
  const disks = rest.guests.flatMap(({ disks }) => disks.map(({ path }) => path))
  const runtime = readRuntime(values.get('runtime')?.[0] ?? 'node', disks, values.get('image')?.[0])
  const metal = (() => {
    try {
      const warn = (text: string) => machine.log.add(undefined, 'warning', text)
      if (values.has('hosted')) return new HostedMachine({ cpus: plan.cpus, runtime, warn })
      return startMachine({ cpus: plan.cpus, memoryBytes: memoryOf(plan), runtime, warn })
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
  const isHurried = obeySignals(machine)
  const show = showing(machine, values.has('json'), values.has('background'))
  if (values.has('json')) printJson({ machine: plan.name, pid: process.pid, socket })
  try {
    await machine.add(rest)
    const failures = await machine.autostart()
    process.send?.({ isUp: true, failures })
    await metal.ended
    return isHurried() ? 130 : 0
  } catch (error) {
    throw error instanceof OrlopError
      ? error
      : new OrlopError(`The machine has failed: ${(error as Error).message}`, 70)
  } finally {
    show.end()
    await server.close()
  }
}

/** RAM of all guests together: as the plan says, or what the host can spare. */
export function memoryOf({ memoryBytes }: Fleet['machine']): number {
  return memoryBytes ?? wholePages(Math.min(RAM_MAX_BESIDE_CODE, totalmem() * 0.75))
}

/** The first signal shuts down, the second ends at once; the result tells whether there was a second. */
export function obeySignals(machine: Machine): () => boolean {
  let isHurried = false
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      isHurried = machine.isGoingDown
      void machine.down(isHurried ? 0 : PATIENCE_MS).catch(() => undefined)
      if (isHurried) setTimeout(() => process.exit(130), HURRY_MS).unref()
    })
  }
  return () => isHurried
}

/** Shows the machine: a live table on a terminal, a line for each event elsewhere. */
function showing(machine: Machine, isJson: boolean, isBackground: boolean): { end(): void } {
  if (isJson) return { end: machine.log.watch(printJson) }
  if (!process.stdout.isTTY || isBackground) {
    print(`${machine.name}: up, "orlop down" ends it\n`)
    return { end: machine.log.watch((event) => print(`${showEvent(event)}\n`)) }
  }
  const screen = new Screen(process.stdout)
  let isLooking = false
  let isOver = false
  const draw = async () => {
    // A machine that is slow to answer is not asked twice.
    if (isLooking) return
    isLooking = true
    try {
      const table = tableOf(await machine.look())
      if (isOver) return
      const hint = machine.isGoingDown
        ? 'Going down; Ctrl-C ends it at once.'
        : 'Ctrl-C shuts down; in another terminal: orlop list, orlop console GUEST, orlop help.'
      screen.draw([...table, '', ...machine.log.last(EVENTS_SHOWN).map(showEvent), '', hint])
    } catch {
      // It is going down, or has failed; whoever waits for its end tells about that.
    }
    isLooking = false
  }
  const timer = setInterval(draw, REDRAW_MS)
  const unwatch = machine.log.watch(() => void draw())
  return {
    end() {
      clearInterval(timer)
      unwatch()
      // The table has no more to tell; what has happened last stays to be read.
      isOver = true
      screen.draw(machine.log.last(EVENTS_SHOWN).map(showEvent))
      screen.end()
    },
  }
}
