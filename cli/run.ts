// `orlop run`: boots one guest, gives it the terminal, and ends when it does.

import * as abi from '../hypervisor/abi.ts'
import { MachineError } from '../host-shim/error.ts'
import {
  type Ending,
  type RunningGuest,
  type RunningMachine,
  StuckError,
  startMachine,
} from '../host-shim/node/main.ts'
import { divergenceAsText } from './divergence.ts'
import { OrlopError } from './error.ts'
import { Needle } from './needle.ts'
import { makeReport, reportAsJson, reportAsText } from './report.ts'
import { readSettings, type Settings } from './settings.ts'
import { SoleNetwork } from './sole-network.ts'
import { Terminal } from './terminal.ts'

export const help = `Usage: orlop run [SPEC.yaml] [FLAGS]

Boots a guest and gives it the terminal; Ctrl-] leaves and ends it. Without a kernel or firmware it is the system in
the cache: the lean kernel of "orlop build-kernel", or else Debian's of "orlop pull debian".

  --kernel F        a RISC-V Linux "Image", uncompressed
  --initrd F        its initial file system
  --append S        words to add to the kernel's command line
  --firmware F      start this M-mode program (ELF, or raw at the start of RAM) at the reset vector; with --kernel,
                    the kernel lies where OpenSBI's fw_jump looks for it
  --memory SIZE     RAM, for example 512M or 2G (default 128M)
  --disk F[,ro]     a raw disk image, ",ro" to only read it; may be repeated
  --net NET         none (default); user: a gateway into the sockets of this host; or a wire that leads to stream:HOST:PORT,
                    stream:unix:PATH, listen:HOST:PORT, listen:unix:PATH (QEMU's framing), tap:NAME, macvtap:NAME, loopback
  --publish P       [ADDRESS:]PORT:PORT[/udp]: a port of this host, by default of 127.0.0.1, that is one of the guest's;
                    implies --net user; may be repeated
  --console WHERE   stdio (default) or none
  --translator T    on (default): hot code of the guest becomes WebAssembly; off: the interpreter does all; verify: both
                    do it, and the first difference ends the run, which takes many times as long
  --until TEXT      end well as soon as the console has shown TEXT
  --timeout S       end after S seconds
  --stats FORM      tell at the end what the guest has used, as text, or as json on the last line of stdout
  --json            the same as --stats json; errors also come as JSON

A spec file is YAML with the fields name, memory, kernel, initrd, append, firmware, disks, net, console and translator,
its paths relative to the file. Flags go before it; disks and words of both are added up.

Exit codes: 0 power-off, --until or Ctrl-]; 1 a failed test program, or another failure; 2 bad input; 3 guest panic;
70 a fault of Orlop itself; 124 timeout; 130, 143 ended by a signal.
`

/** Why a run ends, seen from outside. */
interface Outcome {
  name: string
  exitCode: number
  /** What to tell on stderr. */
  message?: string
}

/** How long the guest may take to be there once the run is to end: as long as the machine has to answer. */
const PATIENCE_MS = 5_000

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** Does what the words after "run" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const settings = await readSettings(args)
  const terminal = new Terminal()
  const session = new Session(settings, terminal)
  const { outcome, ending } = await session.play()
  terminal.restore()
  const report = makeReport(outcome.name, outcome.exitCode, ending)
  if (settings.stats === 'text') await terminal.print(reportAsText(report))
  if (settings.stats === 'json') await terminal.print(reportAsJson(report))
  if (outcome.message !== undefined) terminal.note(outcome.message)
  if (report.divergence !== null) process.stderr.write(`\n${divergenceAsText(report.divergence)}`)
  return outcome.exitCode
}

/** One run, through all resets that the guest asks for. */
class Session {
  private machine: RunningMachine | undefined
  private network: SoleNetwork | undefined
  /** The guest that takes input. */
  private guest: RunningGuest | undefined
  /** It has been started, so that it can be stopped. */
  private isRunning = false
  /** What was typed before there was a guest: one piece, as the rest can wait where it comes from. */
  private early: Uint8Array | undefined
  private waiters: (() => void)[] = []
  private decided: Outcome | undefined
  private readonly needle: Needle | undefined

  constructor(
    private readonly settings: Settings,
    private readonly terminal: Terminal,
  ) {
    this.needle = settings.until === undefined ? undefined : new Needle(settings.until)
  }

  async play(): Promise<{ outcome: Outcome; ending: Ending }> {
    const { timeoutMs, memoryBytes } = this.settings
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.expire(timeoutMs), timeoutMs)
    for (const [name, exitCode] of Object.entries(SIGNALS)) {
      process.on(name, () => this.interrupt(name as keyof typeof SIGNALS, exitCode))
    }
    try {
      this.machine = startMachine({ cpus: 1, memoryBytes, warn: (message) => this.terminal.note(message) })
      if (this.settings.console === 'stdio') this.attach()
      for (;;) {
        const guest = await this.boot(this.machine)
        const ending = await guest.ended
        const outcome = this.decided ?? explain(ending, this.settings.until)
        if (outcome !== undefined) return { outcome, ending }
        this.isRunning = false
        this.guest = undefined
        await guest.remove()
      }
    } catch (error) {
      if (error instanceof StuckError) die(this.terminal, error.message)
      this.terminal.restore()
      throw translate(error)
    } finally {
      clearTimeout(timer)
      await this.machine?.stop().catch((error) => {
        // Any other failure has been told.
        if (error instanceof StuckError) die(this.terminal, error.message)
      })
    }
  }

  /** The guest as the settings describe it, started. */
  private async boot(machine: RunningMachine): Promise<RunningGuest> {
    const { settings } = this
    const { net, publish } = settings
    this.network ??= await SoleNetwork.make(machine, net, publish, (message) => this.terminal.note(message))
    const guest = await machine.define({
      ramBytes: settings.memoryBytes,
      kernel: settings.kernel,
      initrd: settings.initrd,
      commandLine: settings.commandLine,
      firmware: settings.firmware,
      disks: settings.disks,
      nets: this.network.nics,
      translator: settings.translator,
      output: (piece) => this.output(piece),
      warn: (message) => this.terminal.note(message),
    })
    this.take(guest)
    await this.network.forward(guest)
    await guest.start()
    this.isRunning = true
    if (this.decided !== undefined) this.pullThePlug()
    return guest
  }

  /** From here on the guest has the keys, and what was typed before. */
  private take(guest: RunningGuest): void {
    this.guest = guest
    if (this.early !== undefined) guest.input(this.early)
    this.early = undefined
    for (const fulfil of this.waiters.splice(0)) fulfil()
  }

  private attach(): void {
    const keys = {
      input: (bytes: Uint8Array) => this.input(bytes),
      room: () => this.guest?.room() ?? new Promise<void>((fulfil) => this.waiters.push(fulfil)),
    }
    this.terminal.attach(keys, () =>
      this.end({ name: 'left', exitCode: 0, message: 'Left by Ctrl-]; the guest was switched off.' }),
    )
  }

  private input(bytes: Uint8Array): number {
    if (this.guest !== undefined) return this.guest.input(bytes)
    if (this.early !== undefined) return 0
    this.early = bytes
    return bytes.length
  }

  private output(piece: Uint8Array): Promise<void> | void {
    if (this.needle?.isIn(piece)) this.end({ name: 'until', exitCode: 0 })
    if (this.settings.console === 'stdio') return this.terminal.write(piece)
  }

  private expire(ms: number): void {
    this.terminal.hurryUp()
    this.end({ name: 'timeout', exitCode: 124, message: `The time is up after ${ms / 1000} s.` })
  }

  private interrupt(signal: keyof typeof SIGNALS, exitCode: number): void {
    // The second time the user means it.
    if (this.decided !== undefined) die(this.terminal, 'Ended at once; what was under way is lost.')
    this.terminal.hurryUp()
    this.end({ name: 'signal', exitCode, message: `Ended by ${signal}.` })
  }

  private end(outcome: Outcome): void {
    this.decided ??= outcome
    if (this.isRunning) this.pullThePlug()
    else setTimeout(() => this.isRunning || die(this.terminal, 'The machine does not start.'), PATIENCE_MS).unref()
  }

  /** Ends the guest and its machine; what comes of it, `ended` of the guest tells. */
  private pullThePlug(): void {
    this.machine?.stop().catch(() => {})
  }
}

/** What the guest's own end means; undefined: it wants to be started anew. */
function explain({ reason, code }: Ending, until: string | undefined): Outcome | undefined {
  const panic: Outcome = { name: 'panic', exitCode: 3, message: 'The guest has failed: its system panicked.' }
  switch (reason) {
    case abi.STOP_POWEROFF:
      if (code === abi.RESET_WARM) return panic
      if (code === abi.RESET_COLD) return undefined
      if (until === undefined) return { name: 'poweroff', exitCode: 0 }
      return { name: 'poweroff', exitCode: 1, message: `The guest went off before its console showed "${until}".` }
    case abi.STOP_PANIC:
      return panic
    case abi.STOP_TEST_FAILED:
      return { name: 'test-failed', exitCode: 1, message: `Test ${code} has failed.` }
    case abi.STOP_DIVERGED:
      return {
        name: 'diverged',
        exitCode: 70,
        message:
          'Translated code and the interpreter disagree; this is a fault of Orlop itself, please report what follows.',
      }
    case abi.STOP_NO_MEMORY:
      return { name: 'no-memory', exitCode: 1, message: 'The machine had no memory left for the guest.' }
    default:
      return { name: 'killed', exitCode: 1, message: `The guest was stopped (reason ${reason}).` }
  }
}

/** Errors of the machine, as the user is to see them. */
function translate(error: unknown): unknown {
  if (error instanceof MachineError) return new OrlopError(error.message, 2, { cause: error })
  if (error instanceof OrlopError || !(error instanceof Error)) return error
  return new OrlopError(`This is a fault of Orlop itself, please report it: ${error.message}`, 70, { cause: error })
}

/** Ends the process without waiting for the machine's thread, which an orderly exit would do. */
function die(terminal: Terminal, message: string): never {
  terminal.restore()
  terminal.note(message)
  process.kill(process.pid, 'SIGKILL')
  throw new Error('The process goes on after SIGKILL.')
}
