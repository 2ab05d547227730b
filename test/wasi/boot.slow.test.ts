// Guests on the image under node:wasi: a shell that answers, and a disk that goes to the Node build and back.

import { test } from 'uvu'
import { debian, lean } from '../boot/guests.ts'
import { nodeWasi } from '../support/runtimes.ts'
import { answers } from './shell.ts'

test('the lean kernel boots to a shell that answers, and shares its disk with the Node build', () =>
  answers(lean, nodeWasi))
test("Debian's kernel boots to a shell that answers, and shares its disk with the Node build", () =>
  answers(debian, nodeWasi))

test.run()
