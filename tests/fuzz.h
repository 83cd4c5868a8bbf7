/* Fuzz targets: one function that takes any bytes, in a file NAME_fuzz.c.
 *
 * script/fuzz builds them with libFuzzer. Everywhere else support/fuzz_driver.c is their main(). */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Tries one input; ends the process when something is wrong. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
