// One CPU of a crowd test (crowd.ts): the worker's side.

import { workerData } from 'node:worker_threads'
import { call, type Part } from './crowd.ts'

call(workerData as Part)
