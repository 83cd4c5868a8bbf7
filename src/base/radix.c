/* Radix sort, least digit first (Knuth, TAOCP 3, 5.2.5); see radix.h. */
#include "base/radix.h"

enum { DIGIT = 8, DIGITS = 1 << DIGIT };

struct coded *radix_sort(struct coded *all, struct coded *spare, size_t count, int bits)
{
    for (int shift = 0; shift < bits && count > 0; shift += DIGIT) {
        size_t starts[DIGITS + 1] = {0};
        for (size_t i = 0; i < count; i++) {
            starts[(all[i].code >> shift) % DIGITS + 1]++;
        }
        if (starts[(all[0].code >> shift) % DIGITS + 1] == count) {
            continue; /* all have the same digit here */
        }
        for (size_t d = 0; d < DIGITS; d++) {
            starts[d + 1] += starts[d];
        }
        for (size_t i = 0; i < count; i++) {
            spare[starts[(all[i].code >> shift) % DIGITS]++] = all[i];
        }
        struct coded *other = all;
        all = spare;
        spare = other;
    }
    return all;
}
