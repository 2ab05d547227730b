// The image for WASI: the kernel without threads, the shim that is its host, and wasm-merge, which makes them one.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Artefact, BuildError, filesBelow } from './artefact.ts'
import { ROOT, runNode } from './process.ts'

/** The shim's static data begins here, and the kernel's must end before; the machine's state follows both (core/layout.ts). */
const SHIM_BASE = 0x1_0000
/** Before it there is room for what tells of files in the image (BUNDLE_EMBEDDED in host-shim/bundle.ts). */
const EMBEDDED = SHIM_BASE - 16
const FEATURES = ['simd', 'bulk-memory', 'sign-ext', 'mutable-globals', 'nontrapping-float-to-int']
/** All that stays of the exports, and of what they need; the last two are for who trains the image (host-shim/trained-image.ts). */
const KEPT = ['_start', 'memory', 'callCode', 'trained']

/** The image, for these versions of the tools. */
export function image(versions: string): Artefact {
  return {
    name: 'orlop-wasi.wasm',
    entry: 'host-shim/wasi/main.ts',
    recipe: `${versions} ${SHIM_BASE} ${FEATURES} ${KEPT}`,
    async make(folder) {
      const product = join(folder, 'orlop-wasi.wasm')
      // The artefact keeps all that lies in the folder, so what is only for now lies beside it.
      const parts = {
        kernel: `${folder}-kernel.wasm`,
        text: `${folder}-kernel.wat`,
        shim: `${folder}-shim.wasm`,
        trained: `${folder}-trained.wasm`,
      }
      const [merged, graph] = [`${folder}-merged.wasm`, `${folder}-graph.json`]
      try {
        await asc(['--target', 'wasi', '--outFile', parts.kernel, '--textFile', parts.text])
        await asc(['host-shim/wasi/main.ts', '--config', 'none', ...SHIM_OPTIONS, '--outFile', parts.shim])
        await asc(['host-shim/wasi/trained.ts', '--config', 'none', ...SHIM_OPTIONS, '--outFile', parts.trained])
        refuseOverlap(readFileSync(parts.text, 'utf8'))
        const features = FEATURES.map((feature) => `--enable-${feature}`)
        const joined = [parts.kernel, 'env', parts.shim, 'host', parts.trained, 'training']
        await binaryen('wasm-merge', [...features, ...joined, '-o', merged])
        writeFileSync(graph, JSON.stringify(KEPT.map((name) => ({ name, root: true, export: name }))))
        await binaryen('wasm-metadce', [...features, `--graph-file=${graph}`, merged, '-o', product])
      } finally {
        for (const path of [...Object.values(parts), merged, graph]) rmSync(path, { force: true })
      }
      return [
        'asconfig.json',
        'build/image.ts',
        'host-shim/bundle.ts',
        ...['hypervisor', 'host-shim/wasi'].flatMap((room) => filesBelow(room, '.ts')),
      ]
    },
  }
}

const SHIM_OPTIONS = [
  '--runtime',
  'stub',
  '--optimizeLevel',
  '3',
  '--noAssert',
  '--bindings',
  '',
  '--importMemory',
  '--noExportMemory',
  '--memoryBase',
  String(SHIM_BASE),
]

/** Runs the AssemblyScript compiler, which must be silent. */
async function asc(args: string[]): Promise<void> {
  const { ok, output, ending } = await runNode([join(ROOT, 'node_modules', 'assemblyscript', 'bin', 'asc.js'), ...args])
  if (!ok || output.trim() !== '') throw new BuildError(output.trim() || `asc ended with ${ending}.`)
}

async function binaryen(tool: string, args: string[]): Promise<void> {
  const { ok, output, ending } = await runNode([join(ROOT, 'node_modules', 'binaryen', 'bin', tool), ...args])
  if (!ok) throw new BuildError(output.trim() || `${tool} ended with ${ending}.`)
}

/** The compiler lays out each part without knowing of the other. */
function refuseOverlap(kernel: string): void {
  const places = [...kernel.matchAll(/^ \(data \$\S+ \(i32\.const (\d+)\) "(.*)"\)$/gm)]
  if (places.length === 0) throw new BuildError('The kernel has no static data to be found.')
  // An escape has three letters, so a segment is at most as long as its text.
  const end = Math.max(...places.map(([, at, text]) => Number(at) + (text as string).length))
  if (end > EMBEDDED) throw new BuildError(`The kernel's static data may end at ${end}, behind ${EMBEDDED}.`)
}
