// The rules about imports: only down, only along the plan, never in a circle.

import { builtinModules } from 'node:module'
import { type Room, isKernel, roomOf } from './plan.ts'
import { type Complaint, type Import, importsOf, type Tree } from './tree.ts'

/** What package.json names. */
export interface Manifest {
  dependencies: string[]
  devDependencies: string[]
}

/** Imports that the plan does not allow. */
export function arrowsAgainstThePlan(tree: Tree, manifest: Manifest): Complaint[] {
  const complaints: Complaint[] = []
  for (const file of sourcesOf(tree)) {
    const room = roomOf(file)
    if (room === undefined) {
      complaints.push({ file, line: 1, message: 'lies in no room of the plan' })
      continue
    }
    for (const entry of importsOf(tree, file)) {
      const message = entry.specifier.startsWith('.') ? judgeArrow(room, entry) : judgePackage(room, entry, manifest)
      if (message !== undefined) complaints.push({ file, line: entry.line, message })
    }
  }
  return complaints
}

function judgeArrow(room: Room, { specifier, target }: Import): string | undefined {
  if (target === undefined) return `imports ${specifier}, which is not there`
  const other = roomOf(target)
  const names = [other?.name, target.replace(/\.ts$/, '')]
  if (other === room || room.mayImport.some((allowed) => allowed === '*' || names.includes(allowed))) return undefined
  return `${room.name} may not import ${other?.name ?? target}`
}

function judgePackage(room: Room, { specifier }: Import, manifest: Manifest): string | undefined {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const isNode = specifier.startsWith('node:')
  if (!isNode && builtinModules.includes(name)) return `imports ${specifier}; write node:${specifier}`
  const isUsers = manifest.dependencies.includes(name)
  const isOurs = manifest.devDependencies.includes(name)
  if (!isNode && !isUsers && !isOurs) return `imports ${name}, which package.json does not name`
  const allowed = { none: false, node: isNode, dependencies: isNode || isUsers, any: true }[room.packages]
  return allowed ? undefined : `${room.name} may not import ${isNode ? specifier : `the package ${name}`}`
}

/** Files that import each other in a circle; each circle once. */
export function circles(tree: Tree): Complaint[] {
  const complaints: Complaint[] = []
  const finished = new Set<string>()
  const path: string[] = []
  const walk = (file: string) => {
    if (finished.has(file)) return
    const start = path.indexOf(file)
    if (start >= 0) {
      complaints.push({ file, line: 1, message: `circle: ${[...path.slice(start), file].join(' -> ')}` })
      return
    }
    path.push(file)
    for (const { target } of importsOf(tree, file)) if (target !== undefined) walk(target)
    path.pop()
    finished.add(file)
  }
  for (const file of sourcesOf(tree)) walk(file)
  return complaints
}

/** Imports of the kernel that reach out of it. */
export function waysOutOfTheKernel(tree: Tree): Complaint[] {
  return sourcesOf(tree)
    .filter(isKernel)
    .flatMap((file) =>
      importsOf(tree, file)
        .filter(({ target }) => target !== undefined && !isKernel(target))
        .map(({ line, specifier }) => ({ file, line, message: `the kernel imports ${specifier} from outside` })),
    )
}

function sourcesOf(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => path.endsWith('.ts'))
}
