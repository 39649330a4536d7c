// The two layers of encryption and the system call, and nothing else: no ring, no schedule, no counters.
#include "CBenchFloor.h"
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER 12
#define FRAME_TAG 8
#define SUPPLEMENT (FRAME_TAG + 5 + 1 + 2)
#define TAG 16

typedef struct stream {
    EVP_CIPHER_CTX *frame, *transport;
    int socket;
    uint32_t nonce, ssrc;
} stream;

struct tb_floor {
    size_t count, payload;
    uint8_t *opus, *packet;
    stream *streams;
};

static EVP_CIPHER_CTX *context(const EVP_CIPHER *cipher) {
    uint8_t key[32];
    EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
    if (made && RAND_bytes(key, sizeof key) == 1 && EVP_EncryptInit_ex(made, cipher, NULL, key, NULL) == 1) return made;
    EVP_CIPHER_CTX_free(made);
    return NULL;
}

tb_floor *tb_floor_new(const int *sockets, size_t count, size_t payload) {
    tb_floor *floor = calloc(1, sizeof *floor);
    floor->count = count;
    floor->payload = payload;
    floor->opus = malloc(payload);
    floor->packet = malloc(HEADER + payload + SUPPLEMENT + TAG + 4);
    floor->streams = calloc(count, sizeof *floor->streams);
    memset(floor->opus, 0x5A, payload);
    for (size_t i = 0; i < count; i++) {
        floor->streams[i] = (stream){context(EVP_aes_128_gcm()), context(EVP_aes_256_gcm()), sockets[i], 0, (uint32_t)i + 1};
        if (!floor->streams[i].frame || !floor->streams[i].transport) {
            tb_floor_free(floor);
            return NULL;
        }
    }
    return floor;
}

void tb_floor_free(tb_floor *floor) {
    for (size_t i = 0; i < floor->count; i++) {
        EVP_CIPHER_CTX_free(floor->streams[i].frame);
        EVP_CIPHER_CTX_free(floor->streams[i].transport);
    }
    free(floor->streams);
    free(floor->packet);
    free(floor->opus);
    free(floor);
}

// `target` may be `source`. The tag goes behind the ciphertext.
static int seal(
    EVP_CIPHER_CTX *cipher, const uint8_t *nonce, const uint8_t *source, int count, const uint8_t *header, int header_size,
    uint8_t *target, int tag) {
    int written;
    return EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
           (header_size == 0 || EVP_EncryptUpdate(cipher, NULL, &written, header, header_size) == 1) &&
           EVP_EncryptUpdate(cipher, target, &written, source, count) == 1 &&
           EVP_EncryptFinal_ex(cipher, target + written, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, tag, target + count) == 1;
}

static int send_one(tb_floor *floor, stream *to) {
    uint8_t nonce[12] = {0}, *packet = floor->packet, *frame = packet + HEADER;
    uint32_t number = ++to->nonce, fields[2] = {htonl(number * 960), htonl(to->ssrc)};
    packet[0] = 0x80;
    packet[1] = 0x78;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    memcpy(packet + 4, fields, sizeof fields);
    memcpy(nonce + 8, &number, 4);
    if (!seal(to->frame, nonce, floor->opus, (int)floor->payload, NULL, 0, frame, FRAME_TAG)) return 0;
    // The supplement is as long as a real one after a minute of playing: two bytes of nonce.
    uint8_t *end = frame + floor->payload + FRAME_TAG;
    memcpy(end, "\x80\x01\x0d\xfa\xfa", 5);
    int count = (int)(end + 5 - frame);
    memset(nonce, 0, sizeof nonce);
    memcpy(nonce, &number, 4);
    if (!seal(to->transport, nonce, frame, count, packet, HEADER, frame, TAG)) return 0;
    memcpy(frame + count + TAG, &number, 4);
    size_t size = (size_t)(HEADER + count + TAG + 4);
    return sendto(to->socket, packet, size, MSG_DONTWAIT, NULL, 0) == (ssize_t)size;
}

size_t tb_floor_send(tb_floor *floor, size_t first, size_t count) {
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) sent += (size_t)send_one(floor, &floor->streams[(first + i) % floor->count]);
    return sent;
}
