/* The least a ring can be, for comparison: one producer, one consumer, whole 64-byte events, C11 atomics.
 *
 *   ring_c CORE OTHER_CORE TRIPS EVENTS
 *
 * Two processes on the two cores share an anonymous mapping.  Prints round trips in nanoseconds, one
 * per line, then "rate EVENTS_PER_S"; exits with 1 when an event was wrong.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 4096u

typedef struct { uint64_t seq, payload[7]; } Event;
typedef struct {
    _Alignas(128) _Atomic uint64_t tail;
    uint64_t cached_head;
    _Alignas(128) _Atomic uint64_t head;
    uint64_t cached_tail;
    _Alignas(128) Event slots[SLOTS];
} Ring;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set)) _exit(2);
}

static void push(Ring *r, const Event *event) {
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    while (tail - r->cached_head == SLOTS)
        r->cached_head = atomic_load_explicit(&r->head, memory_order_acquire);
    r->slots[tail & (SLOTS - 1)] = *event;
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

static void pop(Ring *r, Event *event) {
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    while (head == r->cached_tail)
        r->cached_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    *event = r->slots[head & (SLOTS - 1)];
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

static void send(Ring *r, uint64_t value) {
    Event event = {value, {value}};
    push(r, &event);
}

static uint64_t receive(Ring *r) {
    Event event;
    pop(r, &event);
    return event.payload[0] == event.seq ? event.seq : UINT64_MAX;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int core = atoi(argv[1]), other = atoi(argv[2]);
    int64_t trips = atoll(argv[3]), events = atoll(argv[4]), wrong = 0;
    Ring *rings = mmap(NULL, 3 * sizeof(Ring), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t *took = malloc(sizeof *took * (size_t)(trips + 1));
    if (rings == MAP_FAILED || !took) return 2;
    pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
        pin(other);
        for (int64_t i = 0; i < trips; i++) send(&rings[1], receive(&rings[0]) + 1);
        for (int64_t i = 0; i < events; i++) send(&rings[2], (uint64_t)i);
        _exit(0);
    }
    pin(core);
    for (int64_t i = 0; i < trips; i++) {
        int64_t started = now_ns();
        send(&rings[0], (uint64_t)i);
        wrong += receive(&rings[1]) != (uint64_t)i + 1;
        took[i] = now_ns() - started;
    }
    int64_t started = now_ns();
    for (int64_t i = 0; i < events; i++) wrong += receive(&rings[2]) != (uint64_t)i;
    double rate = (double)events * 1e9 / (double)(now_ns() - started);
    int status = 0;
    waitpid(child, &status, 0);
    if (wrong || status) return 1;
    for (int64_t i = 0; i < trips; i++) printf("%lld\n", (long long)took[i]);
    printf("rate %.0f\n", rate);
    return 0;
}
