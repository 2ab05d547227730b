// The rules about the built kernel: no runtime, no start function, few imports.

/** Functions that the kernel may ask of its host. */
const MAX_IMPORTS = 12
const START_SECTION = 8

/** What is wrong with the imports of a wasm module: one memory, and at most twelve functions of "host". */
export function wrongImports(imports: WebAssembly.ModuleImportDescriptor[]): string[] {
  const functions = imports.filter(({ kind }) => kind === 'function')
  const strangers = imports.filter(
    ({ module, kind }) => kind !== 'memory' && (kind !== 'function' || module !== 'host'),
  )
  const complaints = strangers.map(({ module, name, kind }) => `imports the ${kind} ${module}.${name}`)
  if (functions.length > MAX_IMPORTS)
    complaints.push(`imports ${functions.length} functions; the limit is ${MAX_IMPORTS}`)
  if (imports.filter(({ kind }) => kind === 'memory').length !== 1) complaints.push('does not import its memory')
  return complaints
}

/** Whether a wasm module runs code when it is instantiated: a second CPU's instance must change nothing. */
export function hasStart(module: Uint8Array): boolean {
  for (const { id } of sections(module)) if (id === START_SECTION) return true
  return false
}

/** Reading a constant string needs no heap. */
const HARMLESS = /String#(charCodeAt|get:length)$/

/** The names of AssemblyScript's runtime in the text of a module: what a managed allocation leaves behind. */
export function runtimeNames(wat: string): string[] {
  const names = new Set(wat.match(/~lib\/(rt|string|array|arraybuffer|typedarray|map|set|util)\b[^\s")]*/g))
  return [...names].filter((name) => !HARMLESS.test(name))
}

/** The sections of a module in order: LEB128 size behind each id, after eight bytes of magic and version. */
function* sections(module: Uint8Array): Generator<{ id: number }> {
  let at = 8
  while (at < module.length) {
    const id = module[at++]!
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++]!
      size += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    yield { id }
    at += size
  }
}
