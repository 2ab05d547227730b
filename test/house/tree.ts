// A source tree as the house rules see it: the text of each file, its syntax, its imports and its comments.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import ts from 'typescript'

/** Path, relative to the project, with slashes -> text. */
export type Tree = Map<string, string>

/** What a rule has against a file. */
export interface Complaint {
  file: string
  line: number
  message: string
}

export interface Import {
  line: number
  /** As it is written. */
  specifier: string
  /** The file of the tree that it leads to; undefined: a package, or nothing. */
  target: string | undefined
}

const ROOMS = ['bench', 'build', 'cli', 'console', 'guests', 'host-shim', 'hypervisor', 'test']
const SOURCES = /\.(ts|c|h|S|ld)$/
/** Not sources: what the build makes. */
const PRODUCTS = join('build', 'out')

/** The sources of the project that lies in `root`. */
export function readTree(root: string): Tree {
  const tree: Tree = new Map()
  for (const room of ROOMS.filter((name) => existsSync(join(root, name)))) {
    for (const file of readdirSync(join(root, room), { recursive: true, withFileTypes: true })) {
      const path = relative(root, join(file.parentPath, file.name))
      if (!file.isFile() || !SOURCES.test(path) || path.startsWith(PRODUCTS)) continue
      tree.set(path.split(sep).join('/'), readFileSync(join(root, path), 'utf8'))
    }
  }
  return tree
}

const parsed = new Map<string, ts.SourceFile>()

/** The syntax of a text; asked for again and again, parsed once. */
export function syntaxOf(text: string): ts.SourceFile {
  let file = parsed.get(text)
  if (file === undefined) {
    file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.ESNext, true)
    parsed.set(text, file)
  }
  return file
}

/** Line number, from 1, of a node. */
export function lineOf(node: ts.Node): number {
  const file = node.getSourceFile()
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
}

/** Calls `look` for a node and every node below it. */
export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, (child) => visit(child, look))
}

/** Where the imports and re-exports of a file lead, dynamic imports of a constant name included. */
export function importsOf(tree: Tree, path: string): Import[] {
  const imports: Import[] = []
  visit(syntaxOf(tree.get(path) ?? ''), (node) => {
    let name: ts.Node | undefined
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) name = node.moduleSpecifier
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) name = node.arguments[0]
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) name = node.argument.literal
    if (name === undefined || !ts.isStringLiteral(name)) return
    imports.push({ line: lineOf(node), specifier: name.text, target: resolve(tree, path, name.text) })
  })
  return imports
}

function resolve(tree: Tree, from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const base = normalize(join(dirname(from), specifier))
    .split(sep)
    .join('/')
  return [base, `${base}.ts`, base.replace(/\.js$/, '.ts'), `${base}/index.ts`].find((path) => tree.has(path))
}

/** The comments of a file, each with its first line's number. */
export function commentsOf(path: string, text: string): { line: number; text: string }[] {
  if (!path.endsWith('.ts')) return text.split('\n').map((line, i) => ({ line: i + 1, text: line }))
  const file = syntaxOf(text)
  const found = new Map<number, string>()
  const note = (ranges: ts.CommentRange[] | undefined) => {
    for (const range of ranges ?? []) found.set(range.pos, text.slice(range.pos, range.end))
  }
  const walk = (node: ts.Node) => {
    const children = node.getChildren(file)
    if (children.length > 0) return children.forEach(walk)
    note(ts.getLeadingCommentRanges(text, node.getFullStart()))
    note(ts.getTrailingCommentRanges(text, node.getEnd()))
  }
  walk(file)
  return [...found].map(([pos, comment]) => ({ line: file.getLineAndCharacterOfPosition(pos).line + 1, text: comment }))
}
