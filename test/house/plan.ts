// The plan of the house: which room may import which. ARCHITECTURE.md shows the same table, and the test compares them.

export interface Room {
  name: string
  /** A folder, or a single file without its ending. */
  path: string
  /** Rooms, or single files (paths without ending), that it may import besides itself. */
  mayImport: string[]
  /** Packages: none; those that Node itself brings; also those the user installs; or also those for development. */
  packages: 'none' | 'node' | 'dependencies' | 'any'
}

const GROUND = ['abi', 'host']

/** Every room, lowest first. A file that lies in none of them is not in the plan. */
export const PLAN: Room[] = [
  { name: 'abi', path: 'hypervisor/abi', mayImport: [], packages: 'none' },
  { name: 'host', path: 'hypervisor/host', mayImport: [], packages: 'none' },
  { name: 'core', path: 'hypervisor/core', mayImport: GROUND, packages: 'none' },
  { name: 'guest', path: 'hypervisor/guest', mayImport: [...GROUND, 'core'], packages: 'none' },
  { name: 'cpu', path: 'hypervisor/cpu', mayImport: [...GROUND, 'core', 'guest'], packages: 'none' },
  { name: 'jit', path: 'hypervisor/jit', mayImport: [...GROUND, 'core', 'guest', 'cpu'], packages: 'none' },
  { name: 'devices', path: 'hypervisor/devices', mayImport: [...GROUND, 'core', 'guest'], packages: 'none' },
  { name: 'net', path: 'hypervisor/net', mayImport: [...GROUND, 'core', 'guest', 'devices'], packages: 'none' },
  {
    name: 'vmm',
    path: 'hypervisor/vmm',
    mayImport: [...GROUND, 'core', 'guest', 'cpu', 'jit', 'devices', 'net'],
    packages: 'none',
  },
  { name: 'index', path: 'hypervisor/index', mayImport: ['abi', 'vmm', 'hypervisor/core/panic'], packages: 'none' },
  { name: 'host-shim', path: 'host-shim', mayImport: ['abi'], packages: 'none' },
  { name: 'host-shim/node', path: 'host-shim/node', mayImport: ['abi', 'host-shim'], packages: 'node' },
  {
    name: 'host-shim/wasi',
    path: 'host-shim/wasi',
    mayImport: ['abi', 'host-shim/bundle', 'host-shim/stream'],
    packages: 'none',
  },
  { name: 'guests', path: 'guests', mayImport: ['cli/error'], packages: 'dependencies' },
  {
    name: 'cli',
    path: 'cli',
    mayImport: ['abi', 'host-shim', 'host-shim/node', 'guests'],
    packages: 'dependencies',
  },
  { name: 'build', path: 'build', mayImport: ['guests', 'cli/error'], packages: 'any' },
  {
    name: 'bench',
    path: 'bench',
    mayImport: ['abi', 'host-shim', 'host-shim/node', 'guests', 'cli', 'build', 'test/support'],
    packages: 'any',
  },
  { name: 'test/support', path: 'test/support', mayImport: ['*'], packages: 'any' },
  { name: 'test', path: 'test', mayImport: ['*'], packages: 'any' },
]

/** The rooms of the kernel: AssemblyScript, no heap. */
export function isKernel(path: string): boolean {
  return path.startsWith('hypervisor/')
}

/** The room in which a file lies: the innermost one, if rooms lie in each other. */
export function roomOf(path: string): Room | undefined {
  const name = path.replace(/\.ts$/, '')
  const rooms = PLAN.filter((room) => name === room.path || name.startsWith(`${room.path}/`))
  return rooms.sort((a, b) => b.path.length - a.path.length)[0]
}

/** The table as ARCHITECTURE.md shows it. */
export function planAsMarkdown(): string[] {
  const list = (names: string[]) =>
    names.map((name) => (name === '*' ? 'everything' : `\`${name}\``)).join(' ') || 'nothing'
  return PLAN.map((room) => `| \`${room.name}\` | ${list(room.mayImport)} | ${room.packages} |`)
}
