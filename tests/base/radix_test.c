/* The sort by codes against the C library's. */
#include "tests.h"

#include "base/radix.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 5000 };

static int compare(const void *a, const void *b)
{
    const struct coded *x = a, *y = b;
    return x->code != y->code ? (x->code > y->code) - (x->code < y->code)
                              : (x->item > y->item) - (x->item < y->item);
}

static void test_codes_are_sorted_and_those_alike_stay_in_order(void **state)
{
    static struct coded all[COUNT], spare[COUNT], wanted[COUNT];
    static const uint64_t masks[] = {UINT64_MAX, 0xff, 0xff00ff00ff00, UINT64_C(7) << 61, 0};
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 0);
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            all[i] = (struct coded){rng_next(&rng) & masks[m], i};
        }
        memcpy(wanted, all, sizeof all);
        qsort(wanted, COUNT, sizeof *wanted, compare);
        const struct coded *sorted = radix_sort(all, spare, COUNT, 64);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(sorted[i].code, wanted[i].code);
            assert_int_equal(sorted[i].item, wanted[i].item);
        }
    }
}

static void test_bits_above_those_asked_for_do_not_count(void **state)
{
    struct coded all[] = {{0x1005, 0}, {0x2003, 1}, {0x0004, 2}}, spare[3];
    (void)state;
    const struct coded *sorted = radix_sort(all, spare, 3, 8);
    assert_int_equal(sorted[0].item, 1);
    assert_int_equal(sorted[1].item, 2);
    assert_int_equal(sorted[2].item, 0);
    assert_ptr_equal(radix_sort(all, spare, 0, 64), all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_are_sorted_and_those_alike_stay_in_order),
        cmocka_unit_test(test_bits_above_those_asked_for_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
