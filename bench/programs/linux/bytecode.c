// An interpreter of a small register machine, one switch over its operations. Its program counts primes, walks Collatz
// sequences and mixes a hash.

#include "bench.h"

enum Op {
  LOAD, MOVE, ADD, ADD_I, MUL, SHIFT, AND_I, XOR, GET, PUT, JUMP, IF_LESS, IF_EVEN, IF_ZERO, CALL, RETURN, STOP
};

typedef struct {
  uint8_t op, a, b, c;
  int32_t value;
} Instruction;

enum { COUNT = 3000, DEPTH = 16 };

static uint8_t cells[COUNT + 1];

// Registers: r0 result, r1 limit, r2.. work.
static const Instruction program[] = {
  // Sieve: r2 = candidate, r3 = multiple, r4 = flag.
  /* 0 */ {LOAD, 2, 0, 0, 0},
  /* 1 */ {LOAD, 4, 0, 0, 0},
  /* 2 */ {PUT, 2, 4, 0, 0},
  /* 3 */ {ADD_I, 2, 2, 0, 1},
  /* 4 */ {IF_LESS, 0, 2, 1, 2},
  /* 5 */ {LOAD, 2, 0, 0, 2},
  /* 6 */ {GET, 4, 2, 0, 0},
  /* 7 */ {IF_ZERO, 0, 4, 0, 9},
  /* 8 */ {JUMP, 0, 0, 0, 17},
  /* 9 */ {ADD_I, 0, 0, 0, 1},
  /* 10 */ {ADD, 3, 2, 2, 0},
  /* 11 */ {LOAD, 4, 0, 0, 1},
  /* 12 */ {JUMP, 0, 0, 0, 15},
  /* 13 */ {PUT, 3, 4, 0, 0},
  /* 14 */ {ADD, 3, 3, 2, 0},
  /* 15 */ {IF_LESS, 0, 3, 1, 13},
  /* 16 */ {CALL, 0, 0, 0, 20},
  /* 17 */ {ADD_I, 2, 2, 0, 1},
  /* 18 */ {IF_LESS, 0, 2, 1, 6},
  /* 19 */ {STOP, 0, 0, 0, 0},
  // Collatz from r2: r5 = n, r6 = 1, r7 = 3; each odd step goes into the result.
  /* 20 */ {MOVE, 5, 2, 0, 0},
  /* 21 */ {LOAD, 6, 0, 0, 2},
  /* 22 */ {LOAD, 7, 0, 0, 3},
  /* 23 */ {IF_LESS, 0, 5, 6, 31},
  /* 24 */ {IF_EVEN, 0, 5, 0, 29},
  /* 25 */ {MUL, 5, 5, 7, 0},
  /* 26 */ {ADD_I, 5, 5, 0, 1},
  /* 27 */ {CALL, 0, 0, 0, 32},
  /* 28 */ {JUMP, 0, 0, 0, 23},
  /* 29 */ {SHIFT, 5, 5, 0, 1},
  /* 30 */ {JUMP, 0, 0, 0, 23},
  /* 31 */ {RETURN, 0, 0, 0, 0},
  // Hash of r5 into r0.
  /* 32 */ {AND_I, 8, 5, 0, 0xfff},
  /* 33 */ {XOR, 0, 0, 8, 0},
  /* 34 */ {MUL, 0, 0, 7, 0},
  /* 35 */ {RETURN, 0, 0, 0, 0},
};

static uint64_t interpret(const Instruction *code, uint64_t seed) {
  uint64_t r[16] = {seed, COUNT};
  uint32_t stack[DEPTH], depth = 0, pc = 0;
  for (;;) {
    const Instruction *const i = &code[pc++];
    switch ((enum Op)i->op) {
      case LOAD: r[i->a] = (uint64_t)i->value; break;
      case MOVE: r[i->a] = r[i->b]; break;
      case ADD: r[i->a] = r[i->b] + r[i->c]; break;
      case ADD_I: r[i->a] = r[i->b] + (uint64_t)i->value; break;
      case MUL: r[i->a] = r[i->b] * r[i->c]; break;
      case SHIFT: r[i->a] = r[i->b] >> i->value; break;
      case AND_I: r[i->a] = r[i->b] & (uint64_t)i->value; break;
      case XOR: r[i->a] = r[i->b] ^ r[i->c]; break;
      case GET: r[i->a] = cells[r[i->b]]; break;
      case PUT: cells[r[i->a]] = (uint8_t)r[i->b]; break;
      case JUMP: pc = (uint32_t)i->value; break;
      case IF_LESS: if (r[i->b] < r[i->c]) pc = (uint32_t)i->value; break;
      case IF_EVEN: if ((r[i->b] & 1) == 0) pc = (uint32_t)i->value; break;
      case IF_ZERO: if (r[i->b] == 0) pc = (uint32_t)i->value; break;
      case CALL:
        if (depth == DEPTH) fail("the program calls too deep");
        stack[depth++] = pc;
        pc = (uint32_t)i->value;
        break;
      case RETURN: pc = stack[--depth]; break;
      case STOP: return r[0];
    }
  }
}

void prepare(void) {}

uint64_t step(uint64_t sum) { return mix(sum, interpret(program, sum)); }
