// A ring of Opus packets in memory that two processes share: one producer (a stream of the media worker), one
// consumer (the voice pump). Wait-free on both sides, no system call, no lock.
//
// The consumer does not trust the producer: indices and lengths are read once, checked, and the bytes are copied out.
// The mapping is a sealed memfd of fixed size, so that the producer cannot shrink it under the consumer.
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TB_RING_MAGIC 0x544d4252u  // "TMBR"
#define TB_RING_SLOTS 32u          // power of two; 640 ms of 20 ms packets
#define TB_RING_PACKET_MAX 1275u   // RFC 6716, 3.2.1: the longest frame of one Opus packet
#define TB_RING_POSITION_MAX ((uint64_t)1 << 40)  // 265 days; what is later is no position but a lie
#define TB_RING_OPEN 0u
#define TB_RING_ENDED 1u           // every packet of the stream has been pushed
#define TB_RING_FAILED 2u          // the producer gave up; the control channel says why

typedef struct tb_ring_slot {
    uint64_t position;  // of the packet's first sample in the track, in 48 kHz samples
    uint32_t length;    // bytes used in `packet`
    uint8_t packet[TB_RING_PACKET_MAX + 1];
} tb_ring_slot;

// Padding keeps each writer on cache lines of its own (the mapping is page-aligned).
typedef struct tb_ring {
    uint32_t magic, slots;
    uint8_t pad0[56];
    _Atomic(uint64_t) head;  // written by the producer: packets pushed so far
    uint8_t pad1[56];
    _Atomic(uint64_t) tail;    // written by the consumer: packets taken so far
    _Atomic(uint64_t) played;  // written by the consumer: sample position after the last packet taken
    uint8_t pad2[48];
    _Atomic(uint32_t) state;  // written by the producer: TB_RING_OPEN, _ENDED or _FAILED
    uint8_t pad3[60];
    tb_ring_slot slot[TB_RING_SLOTS];
} tb_ring;

_Static_assert(offsetof(tb_ring, head) == 64 && offsetof(tb_ring, slot) == 256, "layout shared by processes");

typedef enum tb_ring_pop_result {
    TB_RING_POP_PACKET, TB_RING_POP_EMPTY, TB_RING_POP_ENDED, TB_RING_POP_FAILED, TB_RING_POP_CORRUPT
} tb_ring_pop_result;

static inline size_t tb_ring_size(void) { return sizeof(tb_ring); }

static inline void tb_ring_init(tb_ring *ring) {
    ring->magic = TB_RING_MAGIC;
    ring->slots = TB_RING_SLOTS;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->played, 0);
    atomic_init(&ring->state, TB_RING_OPEN);
}

static inline bool tb_ring_is_valid(const tb_ring *ring) {
    return ring->magic == TB_RING_MAGIC && ring->slots == TB_RING_SLOTS;
}

// Producer: packets that can still be pushed before the consumer takes one.
static inline uint32_t tb_ring_free(tb_ring *ring) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return TB_RING_SLOTS - (uint32_t)(head - tail);
}

// Producer: false where the ring is full, the packet is longer than Opus allows, or the position is impossible.
static inline bool tb_ring_push(tb_ring *ring, const void *packet, uint32_t length, uint64_t position) {
    if (length > TB_RING_PACKET_MAX || position > TB_RING_POSITION_MAX) return false;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail >= TB_RING_SLOTS) return false;
    tb_ring_slot *slot = &ring->slot[head & (TB_RING_SLOTS - 1)];
    slot->position = position;
    slot->length = length;
    memcpy(slot->packet, packet, length);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

static inline void tb_ring_set_state(tb_ring *ring, uint32_t state) {
    atomic_store_explicit(&ring->state, state, memory_order_release);
}

static inline uint32_t tb_ring_get_state(tb_ring *ring) {
    return atomic_load_explicit(&ring->state, memory_order_acquire);
}

// Producer: takes back what it has pushed but for the `keep` packets that the consumer takes next; how many those are. The
// consumer may have seen the old head and be ahead of the new one: then nothing is taken back. Of the store here and the
// consumer's store of its tail, one is seen by the other side (all four accesses are sequentially consistent), so that no
// packet is written over while it is read.
static inline uint32_t tb_ring_take_back(tb_ring *ring, uint32_t keep) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t cut = atomic_load_explicit(&ring->tail, memory_order_acquire) + keep;
    if (cut >= head) return 0;
    atomic_store(&ring->head, cut);
    if (atomic_load(&ring->tail) < cut) return (uint32_t)(head - cut);
    atomic_store_explicit(&ring->head, head, memory_order_release);
    return 0;
}

// Whether the producer is just finding out that it can take nothing back: the consumer is beyond the head that it says.
static inline bool tb_ring_is_behind(uint64_t head, uint64_t tail) { return tail - head <= TB_RING_SLOTS; }

// Any thread: packets that wait for the consumer, at most TB_RING_SLOTS.
static inline uint32_t tb_ring_count(tb_ring *ring) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (tb_ring_is_behind(head, tail)) return 0;
    return head - tail > TB_RING_SLOTS ? TB_RING_SLOTS : (uint32_t)(head - tail);
}

// Any thread: sample position (48 kHz) after the last packet that the consumer took. The producer can write here too, so
// it is bounded like every other number.
static inline uint64_t tb_ring_played(tb_ring *ring) {
    uint64_t played = atomic_load_explicit(&ring->played, memory_order_acquire);
    return played > TB_RING_POSITION_MAX ? TB_RING_POSITION_MAX : played;
}

// Consumer: copies the next packet to `out` (at least TB_RING_PACKET_MAX bytes).
static inline tb_ring_pop_result tb_ring_pop(tb_ring *ring, void *out, uint32_t *length, uint64_t *position) {
    uint32_t state = atomic_load_explicit(&ring->state, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load(&ring->head);
    if (head == tail) {
        if (state == TB_RING_ENDED) return TB_RING_POP_ENDED;
        return state == TB_RING_OPEN ? TB_RING_POP_EMPTY : TB_RING_POP_FAILED;
    }
    if (tb_ring_is_behind(head, tail)) return TB_RING_POP_EMPTY;
    if (head - tail > TB_RING_SLOTS) return TB_RING_POP_CORRUPT;
    const tb_ring_slot *slot = &ring->slot[tail & (TB_RING_SLOTS - 1)];
    uint32_t count = *(const volatile uint32_t *)&slot->length;
    if (count == 0 || count > TB_RING_PACKET_MAX) return TB_RING_POP_CORRUPT;
    uint64_t at = *(const volatile uint64_t *)&slot->position;
    if (at > TB_RING_POSITION_MAX) return TB_RING_POP_CORRUPT;
    *position = at;
    *length = count;
    memcpy(out, slot->packet, count);
    atomic_store_explicit(&ring->played, at + 960, memory_order_release);
    atomic_store(&ring->tail, tail + 1);
    return TB_RING_POP_PACKET;
}
