// The rules about what stands in a file: its size, its first line, its comments, and what a kernel without a heap leaves out.

import ts from 'typescript'
import { isKernel } from './plan.ts'
import { type Complaint, commentsOf, lineOf, syntaxOf, type Tree, visit } from './tree.ts'

const MAX_LINES = 600
const DECORATORS = ['unmanaged', 'final']
const ABI = 'hypervisor/abi.ts'

/** Files over the limit. */
export function tooLong(tree: Tree): Complaint[] {
  return [...tree]
    .map(([file, text]) => ({ file, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ file, lines }) => ({ file, line: MAX_LINES + 1, message: `${lines} lines; the limit is ${MAX_LINES}` }))
}

/** Files that do not say first what they are. */
export function withoutFirstLine(tree: Tree): Complaint[] {
  return [...tree]
    .filter(([, text]) => !/^(#!.*\n)?(\/\/ \S|\/\*[*\s]*\S|# \S)/.test(text))
    .map(([file]) => ({ file, line: 1, message: 'does not begin with a comment that says what it is' }))
}

/** Comments that silence a compiler, or leave work undone without an issue's number. */
export function forbiddenComments(tree: Tree): Complaint[] {
  const complaints: Complaint[] = []
  for (const [file, text] of tree) {
    for (const comment of commentsOf(file, text)) {
      comment.text.split('\n').forEach((content, i) => {
        const line = comment.line + i
        const silencer = content.match(/@ts-(ignore|nocheck)\b/)
        if (silencer !== null) complaints.push({ file, line, message: `${silencer[0]} silences the compiler` })
        const undone = content.match(/\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d)/)
        if (undone !== null) complaints.push({ file, line, message: `${undone[1]} without the number of an issue` })
      })
    }
  }
  return complaints
}

/** Decorators of the kernel other than the two that every struct has. */
export function strangeDecorators(tree: Tree): Complaint[] {
  return inKernel(tree, (node) => {
    if (!ts.isDecorator(node)) return undefined
    const name = node.expression.getText()
    return DECORATORS.includes(name) ? undefined : `@${name} is not one of @${DECORATORS.join(', @')}`
  })
}

/** The one place for a constant list: it becomes a data segment. */
const STATIC_DATA = 'memory.data'

/** Whatever would need a heap, or an exception, in a kernel that has neither. */
export function managedSource(tree: Tree): Complaint[] {
  return inKernel(tree, (node) => {
    if (ts.isNewExpression(node)) return 'new allocates'
    if (ts.isThrowStatement(node) || ts.isTryStatement(node)) return 'there are no exceptions in the kernel'
    if (ts.isTemplateExpression(node) || ts.isNoSubstitutionTemplateLiteral(node)) return 'a template string allocates'
    if (ts.isObjectLiteralExpression(node)) return 'an object literal allocates'
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return 'there are no closures in the kernel'
    if (ts.isArrayLiteralExpression(node) && calleeAround(node) !== STATIC_DATA) {
      return `an array literal allocates; constants go into ${STATIC_DATA}`
    }
    // A string literal alone is constant data; the device tree's names are such.
    if (isConcatenation(node)) return 'joining strings allocates'
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'atomic.fence')
      return 'atomic.fence does not validate'
    return undefined
  })
}

function calleeAround(node: ts.Node): string | undefined {
  return ts.isCallExpression(node.parent) ? node.parent.expression.getText() : undefined
}

function isConcatenation(node: ts.Node): boolean {
  if (!ts.isBinaryExpression(node)) return false
  const isSum = [ts.SyntaxKind.PlusToken, ts.SyntaxKind.PlusEqualsToken].includes(node.operatorToken.kind)
  return isSum && (ts.isStringLiteral(node.left) || ts.isStringLiteral(node.right))
}

/** Numbers of abi.ts that are written down a second time. */
export function copiesOfTheAbi(tree: Tree): Complaint[] {
  const names = new Set<string>()
  visit(syntaxOf(tree.get(ABI) ?? ''), (node) => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)) names.add(node.name.text)
  })
  const complaints: Complaint[] = []
  for (const [file, text] of tree) {
    if (file === ABI || !file.endsWith('.ts')) continue
    visit(syntaxOf(text), (node) => {
      if (!ts.isVariableDeclaration(node) && !ts.isEnumMember(node)) return
      if (!ts.isIdentifier(node.name) || !names.has(node.name.text) || node.initializer === undefined) return
      if (!isNumber(node.initializer)) return
      complaints.push({ file, line: lineOf(node), message: `${node.name.text} stands in abi.ts; import it` })
    })
  }
  return complaints
}

function isNumber(node: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(node)) return isNumber(node.operand)
  return ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)
}

function inKernel(tree: Tree, judge: (node: ts.Node) => string | undefined): Complaint[] {
  const complaints: Complaint[] = []
  for (const [file, text] of tree) {
    if (!isKernel(file) || !file.endsWith('.ts')) continue
    visit(syntaxOf(text), (node) => {
      const message = judge(node)
      if (message !== undefined) complaints.push({ file, line: lineOf(node), message })
    })
  }
  return complaints
}
