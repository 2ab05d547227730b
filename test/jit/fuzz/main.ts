// The fuzzer as a process of its own, so that whoever started it can end it when translated code never comes back.
//
//   npx tsx test/jit/fuzz/main.ts --seconds 60 --seed 1 [--from N] [--count N] [--way on|trained|verify|steps|off] [--whole]
//
//                                   [--kernel FILE]
//
// --kernel takes a module that was made from kernel/entry.ts with a kernel that differs from the one at hand.
// With --whole, a program that differs is told as it is, not cut down.
// Tells on standard output, in lines: the number of each program before it runs, and at the end what has been done.

import { parseArgs } from 'node:util'
import { TRANSLATOR_OFF, TRANSLATOR_ON, TRANSLATOR_VERIFY } from '../../../hypervisor/abi.ts'
import { Pair, type Way } from './pair.ts'
import { makeProgram } from './program.ts'
import { report, tell } from './report.ts'

const WAYS: Record<string, Way> = {
  on: { translator: TRANSLATOR_ON, how: 0 },
  trained: { translator: TRANSLATOR_ON, how: 0, isTrained: true },
  verify: { translator: TRANSLATOR_VERIFY, how: 0 },
  steps: { translator: TRANSLATOR_OFF, how: 1 },
  off: { translator: TRANSLATOR_OFF, how: 0 },
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string' },
    way: { type: 'string', default: 'on' },
    kernel: { type: 'string' },
    whole: { type: 'boolean', default: false },
  },
})

/** Programs that one instance of the kernel runs before it is replaced by a new one. */
const TERM = 100

async function main(): Promise<boolean> {
  const seed = Number(values.seed)
  const way = WAYS[values.way]
  if (way === undefined) throw new Error(`There is no way ${values.way}; say one of ${Object.keys(WAYS).join(', ')}`)
  const last = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.from) + Number(values.count)
  let instructions = 0
  let number = Number(values.from)
  const pair = await Pair.open(values.kernel)
  // The first one may have compiled the kernel.
  const start = performance.now()
  const until = start + Number(values.seconds) * 1000
  for (let ran = 0; number < last && performance.now() < until; ran++, number++) {
    if (ran % TERM === 0) pair.renew()
    console.log(`program ${number}`)
    const program = makeProgram(seed, number)
    const outcome = pair.run(program, way)
    instructions += outcome.instructions
    if (outcome.difference === undefined) continue
    // Without what ran before it?
    pair.renew()
    const alone = pair.run(program, way).difference
    if (alone !== undefined) {
      console.log(report(pair, program, way, alone, values.whole))
    } else {
      const first = number - (ran % TERM)
      console.log(`Program ${number} of seed ${seed} differs when programs ${first} to ${number - 1} have run before:`)
      console.log(tell(program, outcome.difference).join('\n'))
      console.log(`again ${first}`)
    }
    return false
  }
  const seconds = (performance.now() - start) / 1000
  console.log(`done: ${number - Number(values.from)} programs, ${instructions} instructions in ${seconds.toFixed(1)} s`)
  return true
}

process.exitCode = (await main()) ? 0 : 1
