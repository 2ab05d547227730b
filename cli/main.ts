#!/usr/bin/env node
// `orlop`: finds the verb, runs it, and turns what it throws into one sentence and an exit code.

import { projectVersion } from '../host-shim/node/artefact.ts'
import { OrlopError } from './error.ts'
import { near } from './near.ts'

interface Command {
  /** Text for `orlop help VERB`. */
  help: string
  /** Does what the words after the verb say; gives the exit code. */
  run(args: string[]): Promise<number>
}

interface Verb {
  /** One line for the overview. */
  summary: string
  load(): Promise<Command>
}

const VERBS: Record<string, Verb> = {
  run: { summary: 'boot a guest and give it the terminal', load: () => import('./run.ts') },
  up: { summary: 'start a machine with the guests of a fleet file', load: () => import('./up.ts') },
  bundle: { summary: 'make of a fleet file what any runtime for WASI boots', load: () => import('./bundle.ts') },
  down: { summary: 'shut a machine down with all its guests', load: () => import('./down.ts') },
  list: { summary: 'show the guests of a machine', load: () => import('./list.ts') },
  info: { summary: 'show what a guest, or the machine, is made of', load: () => import('./info.ts') },
  define: { summary: 'add the guests of a fleet file to a machine', load: () => import('./define.ts') },
  start: { summary: 'start a guest that is off', load: () => import('./start.ts') },
  shutdown: { summary: 'ask a guest to shut down', load: () => import('./shutdown.ts') },
  poweroff: { summary: "take a guest's power away", load: () => import('./poweroff.ts') },
  reboot: { summary: 'ask a guest to shut down, and start it again', load: () => import('./reboot.ts') },
  reset: { summary: 'start a guest anew at once', load: () => import('./reset.ts') },
  pause: { summary: 'stop a guest where it is', load: () => import('./pause.ts') },
  unpause: { summary: 'let a paused guest go on', load: () => import('./unpause.ts') },
  rm: { summary: 'take a guest off the machine', load: () => import('./rm.ts') },
  train: { summary: 'make an image for WASI that has hot code translated', load: () => import('./train.ts') },
  console: { summary: 'give a guest of the machine this terminal', load: () => import('./console.ts') },
  net: { summary: 'show and change the networks of a machine', load: () => import('./net.ts') },
  set: { summary: 'change what a guest may use, while it runs', load: () => import('./set.ts') },
  stats: { summary: "show a guest's bill and counters", load: () => import('./stats.ts') },
  top: { summary: 'show the live table of a machine', load: () => import('./top.ts') },
  events: { summary: 'show what has happened on a machine', load: () => import('./events.ts') },
  pull: { summary: 'fetch a guest system into the cache', load: () => import('./pull.ts') },
  'build-kernel': { summary: 'build a lean guest kernel into the cache', load: () => import('./build-kernel.ts') },
}

/** What other tools call a verb, and ours. */
const HINTS: Record<string, string> = {
  boot: 'run',
  launch: 'run',
  fetch: 'pull',
  download: 'pull',
  install: 'pull',
  build: 'build-kernel',
  package: 'bundle',
  export: 'bundle',
  ls: 'list',
  ps: 'list',
  status: 'list',
  show: 'info',
  dominfo: 'info',
  attach: 'console',
  terminal: 'console',
  enter: 'console',
  restart: 'reboot',
  logs: 'events',
  monitor: 'top',
  network: 'net',
  networks: 'net',
  port: 'net',
  publish: 'net',
  tcpdump: 'net',
  domiflist: 'net',
  remove: 'rm',
  undefine: 'rm',
  schedinfo: 'set',
  setmem: 'set',
}

/** Words that mean different things to different tools: they are not guessed, and all that could be meant is told. */
const AMBIGUOUS: Record<string, string> = {
  destroy: 'take the power away: "orlop poweroff"; remove the guest: "orlop rm"; neither touches its disks',
  delete: 'remove the guest from the machine: "orlop rm"; its disks stay',
  kill: 'take the power away: "orlop poweroff"; end the machine: "orlop down --timeout 0"',
  stop: 'ask it to shut down: "orlop shutdown"; take the power away: "orlop poweroff"; end the machine: "orlop down"',
  halt: 'ask it to shut down: "orlop shutdown"; take the power away: "orlop poweroff"',
  suspend: 'stop it where it is: "orlop pause"; nothing is kept beyond the machine\'s life',
  resume: 'let a paused guest go on: "orlop unpause"; start one that is off: "orlop start"',
  create: 'add guests to a running machine: "orlop define"; start a machine: "orlop up"; boot one guest: "orlop run"',
  detach: 'leave a console: press Ctrl-]; start a machine in the background: "orlop up --detach"',
}

const HELP = `Usage: orlop VERB [WORDS]

A hypervisor in WebAssembly that boots unmodified RISC-V Linux.

${Object.entries(VERBS)
  .map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`)
  .join('\n')}
  help VERB     what a verb takes

  --help        print this text
  --version     print the version

To begin with: "orlop pull debian", then "orlop run". Many guests: "orlop help up".
`

/** Does what the words of the command line say; gives the exit code. */
async function main([verb, ...args]: string[]): Promise<number> {
  if (verb === undefined || verb === '--help' || verb === '-h' || (verb === 'help' && args.length === 0)) {
    process.stdout.write(HELP)
    return 0
  }
  if (verb === '--version') {
    process.stdout.write(`orlop ${projectVersion()}\n`)
    return 0
  }
  const isHelp = verb === 'help' || args.includes('--help') || args.includes('-h')
  const command = await find(verb === 'help' ? (args[0] as string) : verb).load()
  if (!isHelp) return command.run(args)
  process.stdout.write(command.help)
  return 0
}

function find(word: string): Verb {
  const verb = Object.hasOwn(VERBS, word) ? VERBS[word] : undefined
  if (verb !== undefined) return verb
  if (word.startsWith('-'))
    throw new OrlopError(`The verb comes first: "orlop run ${word}"; "orlop --help" lists the verbs.`)
  if (Object.hasOwn(AMBIGUOUS, word)) {
    throw new OrlopError(`"${word}" means different things to different tools. To ${AMBIGUOUS[word]}.`)
  }
  const [similar] = Object.hasOwn(HINTS, word) ? [HINTS[word]] : near(word, Object.keys(VERBS))
  const meant = similar === undefined ? '' : `did you mean "orlop ${similar}"? `
  throw new OrlopError(`There is no verb "${word}"; ${meant}"orlop --help" lists the verbs.`)
}

/** From here on a run was cut short by its user, who does not want to wait. */
const CUT_SHORT = 124
const HURRY_MS = 1_000

/** Ends the process when what was written has gone out, because a pipe may take it later. */
function leave(code: number): void {
  process.exitCode = code
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
  if (code >= CUT_SHORT) setTimeout(() => process.exit(code), HURRY_MS)
}

// A reader that has gone away ends the process quietly, as SIGPIPE would.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 141 : 1))

const words = process.argv.slice(2)
try {
  leave(await main(words))
} catch (error) {
  if (!(error instanceof OrlopError)) throw error
  process.stderr.write(`orlop: ${error.message}\n`)
  if (words.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ error: error.message, exitCode: error.exitCode })}\n`)
  }
  leave(error.exitCode)
}
