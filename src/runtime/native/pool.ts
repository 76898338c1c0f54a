// The pool of threads in C: one for the process, compiled once as a shared object of its own; programs call it by address.
//
// A job is a function over an extent. The parts of the extent are dealt out in ranges, one for each thread, so that a thread meets the
// same stretch of memory in one kernel after the other; whoever is done takes parts of the other ranges. The caller is thread 0. When no
// part is left it closes the job, and waits only for those workers that are inside: one that the system has put aside, or that is
// still waking up, holds nobody up. All of that is one 64-bit word:
//
//     sequence number (32 bits) | threads that may enter (15) | open (1) | workers inside (16)
//
// Workers spin for a short while after their last job, then sleep until the bell rings; the caller rings only where somebody may sleep.
// Of the failures of a job's parts, that of the first part counts, as if they had run in order.
//
// One job at a time: whoever finds the pool busy (another isolate of this process), runs its kernel alone. Threads are as many as the
// most that anyone asked for. A child of fork() has none.

import { mostThreads } from "../../graph/parts.ts";

/** Nanoseconds that a worker spins before it sleeps: longer than the pause between two kernels, or two steps. */
const spinning = 100_000;
/** Nanoseconds that a caller spins for workers before it sleeps, so that one that was put aside can have its processor. */
const patience = 20_000;

/** The source. `downhill_ask` sizes the pool, `downhill_share` gives the address of the function that programs call. */
export const poolSource: string = `\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

typedef struct { int32_t code, detail; } Status;
typedef void Body(uint8_t *const *operands, Status *status, int32_t begin, int32_t end);

enum { most = ${mostThreads}, spinning = ${spinning}, patience = ${patience} };
static const uint64_t inside = 0xffff, opened = 0x10000;
#define alone_on_its_lines __attribute__((aligned(128)))

// The job, which stays as it is while it is open or anybody is inside.
static struct {
  Body *body;
  uint8_t *const *operands;
  int32_t extent, part, threads;
} job;
static struct alone_on_its_lines { atomic_int next; int end; } ranges[most];
static alone_on_its_lines _Atomic uint64_t state;
static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;
static struct { int32_t begin; Status status; } failure;

// Who holds the pool: a job, or a change of size.
static alone_on_its_lines atomic_int busy;
static atomic_int size = 1;
static pthread_t workers[most];
static int askers[most + 1];
static pthread_mutex_t sizing = PTHREAD_MUTEX_INITIALIZER;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

// ---- Bells: to sleep until somebody rings. Whoever wants to sleep listens, looks whether he still has to, then sleeps;
// whoever has news for him makes them known, then wakes, which costs nothing where nobody has listened.

typedef struct { atomic_uint rung; atomic_int listening; } Bell;
static alone_on_its_lines Bell news, finished;

static unsigned listen_to(Bell *bell) {
  atomic_store(&bell->listening, 1);
  return atomic_load(&bell->rung);
}

#ifdef __linux__
enum { wait_privately = 128, wake_privately = 129 };
static void sleep_until_rung(Bell *bell, unsigned heard) { syscall(SYS_futex, &bell->rung, wait_privately, heard, 0, 0, 0); }
static void ring(Bell *bell) {
  atomic_fetch_add(&bell->rung, 1);
  syscall(SYS_futex, &bell->rung, wake_privately, INT32_MAX, 0, 0, 0);
}
#else
static pthread_mutex_t ringing = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rung = PTHREAD_COND_INITIALIZER;
static void sleep_until_rung(Bell *bell, unsigned heard) {
  pthread_mutex_lock(&ringing);
  while (atomic_load(&bell->rung) == heard) pthread_cond_wait(&rung, &ringing);
  pthread_mutex_unlock(&ringing);
}
static void ring(Bell *bell) {
  pthread_mutex_lock(&ringing);
  atomic_fetch_add(&bell->rung, 1);
  pthread_cond_broadcast(&rung);
  pthread_mutex_unlock(&ringing);
}
#endif

static void wake(Bell *bell) {
  if (atomic_load(&bell->listening) && atomic_exchange(&bell->listening, 0)) ring(bell);
}

// ---- Work

static void work(int self) {
  for (int i = 0; i < job.threads; i++) {
    const int r = (self + i) % job.threads, end = ranges[r].end;
    while (atomic_load_explicit(&ranges[r].next, memory_order_relaxed) < end) {
      const int64_t turn = atomic_fetch_add_explicit(&ranges[r].next, 1, memory_order_relaxed);
      if (turn >= end) break;
      const int64_t begin = turn * job.part, until = begin + job.part;
      Status status = {0, 0};
      job.body(job.operands, &status, begin, until < job.extent ? until : job.extent);
      if (status.code == 0) continue;
      pthread_mutex_lock(&failing);
      if (failure.status.code == 0 || begin < failure.begin) {
        failure.begin = begin;
        failure.status = status;
      }
      pthread_mutex_unlock(&failing);
    }
  }
}

// Returns the word that invites this worker to a job after \`done\`; 0 where it shall end.
static uint64_t invitation(int self, uint32_t done) {
  int64_t until = 0;
  for (unsigned i = 1;; i++) {
    if (self >= atomic_load(&size)) return 0;
    const uint64_t now = atomic_load(&state);
    if (now >> 32 != done && now & opened && self < (int)(now >> 17 & 0x7fff)) return now;
    relax();
    if (i % 64 != 0) continue;
    const int64_t time = nanoseconds();
    if (until == 0) until = time + spinning;
    if (time < until) continue;
    const unsigned heard = listen_to(&news);
    if (atomic_load(&state) >> 32 == now >> 32 && self < atomic_load(&size)) sleep_until_rung(&news, heard);
    until = 0;
  }
}

static void *worker(void *argument) {
  const int self = (int)(intptr_t)argument;
  uint32_t done = 0;
  for (;;) {
    uint64_t now = invitation(self, done);
    if (now == 0) return 0;
    if (!atomic_compare_exchange_strong(&state, &now, now + 1)) continue;
    done = now >> 32;
    work(self);
    if ((atomic_fetch_sub(&state, 1) & (inside | opened)) == 1) wake(&finished);
  }
}

// Waits until nobody is inside.
static void wait_for_workers(void) {
  int64_t until = 0;
  for (unsigned i = 1; atomic_load(&state) & inside; i++) {
    relax();
    if (i % 64 != 0) continue;
    const int64_t time = nanoseconds();
    if (until == 0) until = time + patience;
    if (time < until) continue;
    const unsigned heard = listen_to(&finished);
    if (atomic_load(&state) & inside) sleep_until_rung(&finished, heard);
  }
}

static void share(Body *body, uint8_t *const *operands, Status *status, int32_t extent, int32_t part, int32_t threads) {
  static uint32_t sequence;
  if (threads < 2 || atomic_exchange(&busy, 1)) {
    body(operands, status, 0, extent);
    return;
  }
  const int64_t parts = ((int64_t)extent + part - 1) / part;
  const int available = atomic_load(&size);
  if (threads > available) threads = available;
  if (threads > parts) threads = parts;
  job.body = body;
  job.operands = operands;
  job.extent = extent;
  job.part = part;
  job.threads = threads;
  for (int i = 0; i < threads; i++) {
    atomic_store_explicit(&ranges[i].next, (int)(parts * i / threads), memory_order_relaxed);
    ranges[i].end = parts * (i + 1) / threads;
  }
  failure.status.code = 0;
  if (++sequence == 0) ++sequence;
  atomic_store(&state, (uint64_t)sequence << 32 | (uint64_t)threads << 17 | opened);
  wake(&news);
  work(0);
  atomic_fetch_and(&state, ~opened);
  wait_for_workers();
  if (status->code == 0 && failure.status.code != 0) *status = failure.status;
  atomic_store(&busy, 0);
}

// ---- Size

static void hold(void) {
  while (atomic_exchange(&busy, 1)) sched_yield();
}

static void forked(void) {
  atomic_store(&size, 1);
  atomic_store(&busy, 0);
}

static void prepare(void) {
  // Workers run this code for as long as the process lives, whoever unloads the library.
  Dl_info self;
  if (dladdr((void *)prepare, &self)) dlopen(self.dli_fname, RTLD_NOW);
  pthread_atfork(0, 0, forked);
}

static int start(int self) {
  pthread_attr_t attributes;
  sigset_t all, before;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&workers[self], &attributes, worker, (void *)(intptr_t)self);
  pthread_sigmask(SIG_SETMASK, &before, 0);
  pthread_attr_destroy(&attributes);
  return error;
}

// Who asked for \`before\` threads (0: nobody yet) asks for \`now\`. Returns how many there are.
__attribute__((visibility("default"))) int32_t downhill_ask(int32_t before, int32_t now) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, prepare);
  pthread_mutex_lock(&sizing);
  hold();
  askers[before]--;
  askers[now]++;
  int wanted = most;
  while (wanted > 1 && askers[wanted] <= 0) wanted--;
  int count = atomic_load(&size);
  if (wanted > count) {
    // A worker may run before it is counted.
    atomic_store(&size, wanted);
    while (count < wanted && start(count) == 0) count++;
    atomic_store(&size, count);
  } else if (wanted < count) {
    atomic_store(&size, wanted);
    ring(&news);
    while (count > wanted) pthread_join(workers[--count], 0);
  }
  atomic_store(&busy, 0);
  pthread_mutex_unlock(&sizing);
  return count;
}

__attribute__((visibility("default"))) double downhill_share(void) { return (double)(uintptr_t)share; }
`;
