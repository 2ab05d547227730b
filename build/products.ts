// The list of all that the build makes, and how each is made.

import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, formatMessages } from 'esbuild'
import { type Artefact, BuildError, filesBelow } from './artefact.ts'
import { image } from './image.ts'
import { ROOT, runNode } from './process.ts'

/** The oldest Node that we run on; package.json says the same under `engines`. */
const NODE = 'node20'

/** The kernel, as asconfig.json describes its `shared` target, and its text form for those who want to read it. */
export const kernel: Artefact = {
  name: 'orlop.wasm',
  entry: 'hypervisor/index.ts',
  recipe: `asc ${versionOf('assemblyscript')}`,
  async make(folder) {
    const inputs = ['asconfig.json', ...filesBelow('hypervisor', '.ts')]
    const asc = join(ROOT, 'node_modules', 'assemblyscript', 'bin', 'asc.js')
    const files = ['--outFile', join(folder, 'orlop.wasm'), '--textFile', join(folder, 'orlop.wat')]
    const { ok, output, ending } = await runNode([asc, '--target', 'shared', ...files])
    if (!ok) throw new BuildError(output.trim() || `asc ended with ${ending}.`)
    if (output.trim() !== '') throw new BuildError(`asc must be silent, but it said:\n${output.trim()}`)
    return inputs
  },
}

/** Packages written for CommonJS call `require`, which a module does not have of itself. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);"

/** One JavaScript file with everything in it. */
function bundle(name: string, entry: string, isProgram: boolean): Artefact {
  const hasShebang = existsSync(join(ROOT, entry)) && readFileSync(join(ROOT, entry), 'utf8').startsWith('#!')
  const banner = isProgram && !hasShebang ? `#!/usr/bin/env node\n${REQUIRE}` : REQUIRE
  const options: BuildOptions = {
    bundle: true,
    platform: 'node',
    target: NODE,
    format: 'esm',
    banner: { js: banner },
    legalComments: 'inline',
    // Half the bytes to parse at each start; names stay, so that a stack trace can be read.
    minifyWhitespace: true,
    minifySyntax: true,
  }
  return {
    name,
    entry,
    recipe: `esbuild ${versionOf('esbuild')} ${JSON.stringify(options)}`,
    async make(folder) {
      const outfile = join(folder, name)
      try {
        const result = await build({
          ...options,
          absWorkingDir: ROOT,
          entryPoints: [entry],
          outfile,
          metafile: true,
          logLevel: 'silent',
        })
        if (isProgram) chmodSync(outfile, 0o755)
        return ['package-lock.json', ...Object.keys(result.metafile.inputs)]
      } catch (error) {
        const errors = (error as { errors?: Parameters<typeof formatMessages>[0] }).errors
        if (errors === undefined) throw error
        throw new BuildError((await formatMessages(errors, { kind: 'error' })).join('\n').trim())
      }
    },
  }
}

export const PRODUCTS: Artefact[] = [
  kernel,
  image(`asc ${versionOf('assemblyscript')}, binaryen ${versionOf('binaryen')}`),
  bundle('orlop.mjs', 'cli/main.ts', true),
  bundle('worker.mjs', 'host-shim/node/worker.ts', false),
  bundle('guest.mjs', 'host-shim/node/hosted/process.ts', false),
]

function versionOf(name: string): string {
  const manifest = join(ROOT, 'node_modules', name, 'package.json')
  if (!existsSync(manifest)) throw new BuildError(`The package ${name} is not installed; run "npm ci" first.`)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
