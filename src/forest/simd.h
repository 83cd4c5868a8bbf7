/* One function in several versions, for this room only: the processor's best is called. NAME_any is
 * an `always_inline` body in plain C (or with the compiler's vectors), so that all versions do the
 * same arithmetic and every machine gets the same result. */
#ifndef FOREST_SIMD_H
#define FOREST_SIMD_H

#define SIMD_BODY static inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define SIMD_AVX2 __attribute__((target("avx2,popcnt")))
#define SIMD_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi2,popcnt")))
#define SIMD_HAS_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"))
#define SIMD_HAS_AVX512                                                          \
    (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && \
     __builtin_cpu_supports("avx512dq"))

/* Defines `scope type NAME(parameters)` by NAME_any: scope is static or nothing, `give` is return
 * or nothing. */
#define SIMD_VERSIONS(scope, type, give, name, parameters, arguments) \
    static type name##_plain parameters                               \
    {                                                                 \
        give name##_any arguments;                                    \
    }                                                                 \
    SIMD_AVX2 static type name##_avx2 parameters                      \
    {                                                                 \
        give name##_any arguments;                                    \
    }                                                                 \
    SIMD_AVX512 static type name##_avx512 parameters                  \
    {                                                                 \
        give name##_any arguments;                                    \
    }                                                                 \
    scope type name parameters                                        \
    {                                                                 \
        if (SIMD_HAS_AVX512) {                                        \
            give name##_avx512 arguments;                             \
        } else if (SIMD_HAS_AVX2) {                                   \
            give name##_avx2 arguments;                               \
        } else {                                                      \
            give name##_plain arguments;                              \
        }                                                             \
    }
#else
#define SIMD_VERSIONS(scope, type, give, name, parameters, arguments) \
    scope type name parameters                                        \
    {                                                                 \
        give name##_any arguments;                                    \
    }
#endif

#endif
