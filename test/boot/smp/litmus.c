/*
 * Litmus tests of RVWMO, RISC-V's memory model: a few instructions in each of up to four harts, a great many times, and
 * what came of it. What the model forbids must never be seen; what it allows may be.
 * The names are those of the herd tools' tests for RISC-V; the rules are those of the unprivileged manual, "RVWMO".
 */

#include "smp.h"

/** Runs between two meetings of all threads. */
#define BATCH 512
/** How long a thread waits for the others, in looks: before the first run of a batch they wake up, before the others they follow. */
#define FIRST_LOOKS 20000
#define LOOKS 40

typedef struct { _Alignas(APART) long word; } Place;
/** What the two registers of each thread hold at the end, and the two words in memory. */
typedef struct { long a[THREADS], b[THREADS], x, y; } Outcome;
typedef void Body(long *x, long *y, long *a, long *b);
typedef struct {
  const char *name;
  int threads;
  Body *bodies[THREADS];
  /** Is it the outcome in question? */
  bool (*isWeak)(const Outcome *o);
  bool isForbidden;
} Test;

static Place x[BATCH], y[BATCH];
static long a[THREADS][BATCH], b[THREADS][BATCH];
static struct { _Alignas(APART) volatile long run; } progress[THREADS];
static pthread_barrier_t barrier;
static const Test *test;
static long batches, weak, runs;
/** How often a thread ended a run while its neighbour was at the same one: how much they had to do with each other. */
static long meetings;

#define BODY(name, code)                                                                                     \
  static void name(long *px, long *py, long *pa, long *pb) {                                                 \
    long ra = 0, rb = 0, t;                                                                                  \
    asm volatile(code                                                                                        \
                 : "+&r"(ra), "+&r"(rb), "=&r"(t)                                                            \
                 : [x] "r"(px), [y] "r"(py), [one] "r"(1L), [two] "r"(2L)                                    \
                 : "memory");                                                                                \
    *pa = ra;                                                                                                \
    *pb = rb;                                                                                                \
  }
#define A "%0"
#define B "%1"
#define T "%2"
#define W(place, value) "sw %[" value "], (%[" place "])\n"
#define R(reg, place) "lw " reg ", (%[" place "])\n"
/** A load whose address depends on a register, and a store whose value does. */
#define R_ADDR(reg, place, on) "xor " T ", " on ", " on "\n add " T ", " T ", %[" place "]\n lw " reg ", (" T ")\n"
#define W_DATA(place, on) "xor " T ", " on ", " on "\n addi " T ", " T ", 1\n sw " T ", (%[" place "])\n"
#define W_CTRL(place, on) "bnez " on ", 1f\n1: sw %[one], (%[" place "])\n"
#define F(before, after) "fence " before ", " after "\n"
#define TSO "fence.tso\n"
#define SWAP(order, place) "amoswap.w" order " zero, %[one], (%[" place "])\n"
#define AMO_LOAD(order, reg, place) "amoor.w" order " " reg ", zero, (%[" place "])\n"
#define PAIR(order, place) "1: lr.w " T ", (%[" place "])\n sc.w" order " " T ", %[one], (%[" place "])\n bnez " T ", 1b\n"

BODY(wxwy, W("x", "one") W("y", "one"))
BODY(wxwy_ww, W("x", "one") F("w", "w") W("y", "one"))
BODY(wxwy_full, W("x", "one") F("rw", "rw") W("y", "one"))
BODY(wxwy_tso, W("x", "one") TSO W("y", "one"))
BODY(wxwy_rl, W("x", "one") SWAP(".rl", "y"))
BODY(wxwy_sc, W("x", "one") PAIR(".rl", "y"))
BODY(ryrx, R(A, "y") R(B, "x"))
BODY(ryrx_rr, R(A, "y") F("r", "r") R(B, "x"))
BODY(ryrx_full, R(A, "y") F("rw", "rw") R(B, "x"))
BODY(ryrx_tso, R(A, "y") TSO R(B, "x"))
BODY(ryrx_addr, R(A, "y") R_ADDR(B, "x", A))
BODY(ryrx_aq, AMO_LOAD(".aq", A, "y") R(B, "x"))
BODY(ryrx_lr, "lr.w.aq " A ", (%[y])\n" R(B, "x"))
BODY(rxry_rr, R(A, "x") F("r", "r") R(B, "y"))
BODY(rxry, R(A, "x") R(B, "y"))
BODY(rxry_addr, R(A, "x") R_ADDR(B, "y", A))

BODY(wxry, W("x", "one") R(A, "y"))
BODY(wyrx, W("y", "one") R(A, "x"))
BODY(wxry_tso, W("x", "one") TSO R(A, "y"))
BODY(wyrx_tso, W("y", "one") TSO R(A, "x"))
BODY(wxry_wr, W("x", "one") F("w", "r") R(A, "y"))
BODY(wyrx_wr, W("y", "one") F("w", "r") R(A, "x"))
BODY(wxry_full, W("x", "one") F("rw", "rw") R(A, "y"))
BODY(wyrx_full, W("y", "one") F("rw", "rw") R(A, "x"))
BODY(wxry_aq, SWAP(".aq", "x") R(A, "y"))
BODY(wyrx_aq, SWAP(".aq", "y") R(A, "x"))
BODY(wxry_aqrl, SWAP(".aqrl", "x") AMO_LOAD(".aqrl", A, "y"))
BODY(wyrx_aqrl, SWAP(".aqrl", "y") AMO_LOAD(".aqrl", A, "x"))
BODY(wxry_pair, PAIR(".rl", "x") F("rw", "rw") R(A, "y"))
BODY(wyrx_pair, PAIR(".rl", "y") F("rw", "rw") R(A, "x"))

BODY(rxwy, R(A, "x") W("y", "one"))
BODY(rywx, R(A, "y") W("x", "one"))
BODY(rxwy_rw, R(A, "x") F("r", "w") W("y", "one"))
BODY(rywx_rw, R(A, "y") F("r", "w") W("x", "one"))
BODY(rxwy_data, R(A, "x") W_DATA("y", A))
BODY(rywx_data, R(A, "y") W_DATA("x", A))
BODY(rxwy_ctrl, R(A, "x") W_CTRL("y", A))
BODY(rywx_ctrl, R(A, "y") W_CTRL("x", A))
BODY(rxwy_full, R(A, "x") F("rw", "rw") W("y", "one"))

BODY(wx, W("x", "one"))
BODY(wx2, W("x", "two"))
BODY(wy, W("y", "one"))
BODY(rxrx, R(A, "x") R(B, "x"))
BODY(wx1wx2, W("x", "one") W("x", "two"))
BODY(wxrx, W("x", "one") R(A, "x"))
BODY(rxwx, R(A, "x") W("x", "one"))
BODY(wx1wy2, W("x", "one") W("y", "two"))
BODY(wy1wx2, W("y", "one") W("x", "two"))
BODY(wx1wy2_ww, W("x", "one") F("w", "w") W("y", "two"))
BODY(wy1wx2_ww, W("y", "one") F("w", "w") W("x", "two"))
BODY(wx2wy, W("x", "two") W("y", "one"))
BODY(wx2wy_ww, W("x", "two") F("w", "w") W("y", "one"))
BODY(wy2rx, W("y", "two") R(A, "x"))
BODY(wy2rx_full, W("y", "two") F("rw", "rw") R(A, "x"))

BODY(pairx, "lr.w " A ", (%[x])\n sc.w " B ", %[one], (%[x])\n")
BODY(amox, "amoadd.w " A ", %[one], (%[x])\n")
BODY(byte0, "sb %[one], 0(%[x])\n")
BODY(byte1, "sb %[one], 1(%[x])\n")
BODY(byte2, "sb %[one], 2(%[x])\n")
BODY(byte3, "sb %[one], 3(%[x])\n")
BODY(wholex, "li " T ", -1\n sd " T ", (%[x])\n")
BODY(readx, "ld " A ", (%[x])\n")

static bool mp(const Outcome *o) { return o->a[1] == 1 && o->b[1] == 0; }
static bool sb(const Outcome *o) { return o->a[0] == 0 && o->a[1] == 0; }
static bool lb(const Outcome *o) { return o->a[0] == 1 && o->a[1] == 1; }
static bool iriw(const Outcome *o) { return o->a[2] == 1 && o->b[2] == 0 && o->a[3] == 1 && o->b[3] == 0; }
static bool wrc(const Outcome *o) { return o->a[1] == 1 && o->a[2] == 1 && o->b[2] == 0; }
static bool corr(const Outcome *o) { return o->a[1] == 1 && o->b[1] == 0; }
static bool coww(const Outcome *o) { return o->x != 2 || (o->a[1] == 2 && o->b[1] != 2) || (o->a[1] == 1 && o->b[1] == 0); }
static bool cowr(const Outcome *o) { return o->a[0] == 0 || (o->a[0] == 2 && o->x == 1); }
static bool corw(const Outcome *o) { return o->a[0] == 1 || (o->a[0] == 2 && o->x == 2); }
static bool twice(const Outcome *o) { return o->x == 1 && o->y == 1; }
static bool s(const Outcome *o) { return o->a[1] == 1 && o->x == 2; }
static bool r(const Outcome *o) { return o->y == 2 && o->a[1] == 0; }
static bool torn(const Outcome *o) { return o->b[0] == 0 && o->a[0] == 0 && o->x == 1; }
static bool both(const Outcome *o) { return o->b[0] == 0 && o->b[1] == 0 && o->a[0] == o->a[1]; }
static bool lost(const Outcome *o) { return o->a[0] == 0 && o->x == 1; }
static bool counted(const Outcome *o) { return o->x != THREADS; }
static bool bytes(const Outcome *o) { return o->x != 0x01010101; }
static bool parts(const Outcome *o) { return (o->a[1] != 0 && o->a[1] != -1) || o->x != -1; }

#define ALLOWED false
#define FORBIDDEN true
static const Test tests[] = {
  {"MP", 2, {wxwy, ryrx}, mp, ALLOWED},
  {"MP+fence.w.w+po", 2, {wxwy_ww, ryrx}, mp, ALLOWED},
  {"MP+fence.w.w+fence.r.r", 2, {wxwy_ww, ryrx_rr}, mp, FORBIDDEN},
  {"MP+fence.rw.rws", 2, {wxwy_full, ryrx_full}, mp, FORBIDDEN},
  {"MP+fence.tsos", 2, {wxwy_tso, ryrx_tso}, mp, FORBIDDEN},
  {"MP+fence.w.w+addr", 2, {wxwy_ww, ryrx_addr}, mp, FORBIDDEN},
  {"MP+porl+aq", 2, {wxwy_rl, ryrx_aq}, mp, FORBIDDEN},
  {"MP+sc.rl+lr.aq", 2, {wxwy_sc, ryrx_lr}, mp, FORBIDDEN},
  {"SB", 2, {wxry, wyrx}, sb, ALLOWED},
  {"SB+fence.tsos", 2, {wxry_tso, wyrx_tso}, sb, ALLOWED},
  {"SB+fence.w.rs", 2, {wxry_wr, wyrx_wr}, sb, FORBIDDEN},
  {"SB+fence.rw.rws", 2, {wxry_full, wyrx_full}, sb, FORBIDDEN},
  {"SB+amo.aqs", 2, {wxry_aq, wyrx_aq}, sb, FORBIDDEN},
  {"SB+amo.aqrls", 2, {wxry_aqrl, wyrx_aqrl}, sb, FORBIDDEN},
  {"SB+lr-sc+fence.rw.rws", 2, {wxry_pair, wyrx_pair}, sb, FORBIDDEN},
  {"LB", 2, {rxwy, rywx}, lb, ALLOWED},
  {"LB+fence.r.ws", 2, {rxwy_rw, rywx_rw}, lb, FORBIDDEN},
  {"LB+datas", 2, {rxwy_data, rywx_data}, lb, FORBIDDEN},
  {"LB+ctrls", 2, {rxwy_ctrl, rywx_ctrl}, lb, FORBIDDEN},
  {"IRIW", 4, {wx, wy, rxry, ryrx}, iriw, ALLOWED},
  {"IRIW+fence.r.rs", 4, {wx, wy, rxry_rr, ryrx_rr}, iriw, FORBIDDEN},
  {"IRIW+addrs", 4, {wx, wy, rxry_addr, ryrx_addr}, iriw, FORBIDDEN},
  {"WRC", 3, {wx, rxwy, ryrx}, wrc, ALLOWED},
  {"WRC+fence.rw.rw+addr", 3, {wx, rxwy_full, ryrx_addr}, wrc, FORBIDDEN},
  {"WRC+data+fence.r.r", 3, {wx, rxwy_data, ryrx_rr}, wrc, FORBIDDEN},
  {"CoRR", 2, {wx, rxrx}, corr, FORBIDDEN},
  {"CoWW", 2, {wx1wx2, rxrx}, coww, FORBIDDEN},
  {"CoWR", 2, {wxrx, wx2}, cowr, FORBIDDEN},
  {"CoRW", 2, {rxwx, wx2}, corw, FORBIDDEN},
  {"2+2W", 2, {wx1wy2, wy1wx2}, twice, ALLOWED},
  {"2+2W+fence.w.ws", 2, {wx1wy2_ww, wy1wx2_ww}, twice, FORBIDDEN},
  {"S", 2, {wx2wy, rywx}, s, ALLOWED},
  {"S+fence.w.w+fence.r.w", 2, {wx2wy_ww, rywx_rw}, s, FORBIDDEN},
  {"S+fence.w.w+data", 2, {wx2wy_ww, rywx_data}, s, FORBIDDEN},
  {"R", 2, {wxwy, wy2rx}, r, ALLOWED},
  {"R+fence.w.w+fence.rw.rw", 2, {wxwy_ww, wy2rx_full}, r, FORBIDDEN},
  // The axiom of atomicity, and what every access owes its neighbours.
  {"LR-SC against a store", 2, {pairx, wx2}, torn, FORBIDDEN},
  {"LR-SC against LR-SC", 2, {pairx, pairx}, both, FORBIDDEN},
  {"AMO against a store", 2, {amox, wx2}, lost, FORBIDDEN},
  {"AMO against AMO", 4, {amox, amox, amox, amox}, counted, FORBIDDEN},
  {"bytes of one word", 4, {byte0, byte1, byte2, byte3}, bytes, FORBIDDEN},
  {"a doubleword in one piece", 2, {wholex, readx}, parts, FORBIDDEN},
};

/** Waits, but not for long, until all threads have come to this run: on few CPUs some may not be there at all. */
static void meet(long me, long run) {
  progress[me].run = run;
  const int looks = run % BATCH == 1 ? FIRST_LOOKS : LOOKS;
  for (int look = 0; look < looks; look++) {
    int here = 0;
    for (int i = 0; i < test->threads; i++) here += progress[i].run >= run;
    if (here == test->threads) return;
  }
}

static void judge(void) {
  for (int i = 0; i < BATCH; i++) {
    Outcome outcome = {.x = x[i].word, .y = y[i].word};
    for (int thread = 0; thread < test->threads; thread++) {
      outcome.a[thread] = a[thread][i];
      outcome.b[thread] = b[thread][i];
    }
    weak += test->isWeak(&outcome);
    runs++;
    x[i].word = y[i].word = 0;
  }
}

static void *work(void *argument) {
  long me = (long)argument;
  uint32_t chance = 99 + me;
  Body *body = test->bodies[me];
  for (long batch = 0; batch < batches; batch++) {
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < BATCH; i++) {
      meet(me, batch * BATCH + i + 1);
      for (volatile int delay = next(&chance) & 7; delay > 0; delay--);
      body(&x[i].word, &y[i].word, &a[me][i], &b[me][i]);
      if (progress[(me + 1) % test->threads].run == progress[me].run) __atomic_fetch_add(&meetings, 1, __ATOMIC_RELAXED);
    }
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) judge();
  }
  return NULL;
}

int litmus(long count) {
  batches = count;
  int failures = 0;
  for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
    test = &tests[i];
    weak = runs = meetings = 0;
    for (int thread = 0; thread < THREADS; thread++) progress[thread].run = 0;
    pthread_barrier_init(&barrier, NULL, test->threads);
    together(test->threads, true, work);
    pthread_barrier_destroy(&barrier);
    bool hasFailed = test->isForbidden && weak > 0;
    printf("%s %-25s %ld of %ld, %ld meetings%s\n", test->isForbidden ? "never  " : "allowed", test->name, weak, runs,
           meetings, hasFailed ? " FAILED" : "");
    failures += hasFailed;
    failures += expect("the number of runs", runs, batches * BATCH);
  }
  return failures;
}
