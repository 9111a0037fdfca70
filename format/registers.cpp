#include <tz/format/registers.hpp>

namespace tz::format {

#if defined(__x86_64__)

namespace {

// The lower halves of those that vzeroall does not know: with them go the upper ones.
__attribute__((target("avx512f"), noinline)) void wipe_upper_sixteen() noexcept {
    asm volatile("vpxord %%zmm16, %%zmm16, %%zmm16\n\t"
                 "vmovdqa64 %%zmm16, %%zmm17\n\t"
                 "vmovdqa64 %%zmm16, %%zmm18\n\t"
                 "vmovdqa64 %%zmm16, %%zmm19\n\t"
                 "vmovdqa64 %%zmm16, %%zmm20\n\t"
                 "vmovdqa64 %%zmm16, %%zmm21\n\t"
                 "vmovdqa64 %%zmm16, %%zmm22\n\t"
                 "vmovdqa64 %%zmm16, %%zmm23\n\t"
                 "vmovdqa64 %%zmm16, %%zmm24\n\t"
                 "vmovdqa64 %%zmm16, %%zmm25\n\t"
                 "vmovdqa64 %%zmm16, %%zmm26\n\t"
                 "vmovdqa64 %%zmm16, %%zmm27\n\t"
                 "vmovdqa64 %%zmm16, %%zmm28\n\t"
                 "vmovdqa64 %%zmm16, %%zmm29\n\t"
                 "vmovdqa64 %%zmm16, %%zmm30\n\t"
                 "vmovdqa64 %%zmm16, %%zmm31" ::
                     : "xmm16",
                       "xmm17",
                       "xmm18",
                       "xmm19",
                       "xmm20",
                       "xmm21",
                       "xmm22",
                       "xmm23",
                       "xmm24",
                       "xmm25",
                       "xmm26",
                       "xmm27",
                       "xmm28",
                       "xmm29",
                       "xmm30",
                       "xmm31");
}

__attribute__((target("avx"), noinline)) void wipe_sixteen_by_avx() noexcept {
    asm volatile("vzeroall" ::
                     : "xmm0",
                       "xmm1",
                       "xmm2",
                       "xmm3",
                       "xmm4",
                       "xmm5",
                       "xmm6",
                       "xmm7",
                       "xmm8",
                       "xmm9",
                       "xmm10",
                       "xmm11",
                       "xmm12",
                       "xmm13",
                       "xmm14",
                       "xmm15");
}

void wipe_sixteen_by_sse() noexcept {
    asm volatile("pxor %%xmm0, %%xmm0\n\t"
                 "pxor %%xmm1, %%xmm1\n\t"
                 "pxor %%xmm2, %%xmm2\n\t"
                 "pxor %%xmm3, %%xmm3\n\t"
                 "pxor %%xmm4, %%xmm4\n\t"
                 "pxor %%xmm5, %%xmm5\n\t"
                 "pxor %%xmm6, %%xmm6\n\t"
                 "pxor %%xmm7, %%xmm7\n\t"
                 "pxor %%xmm8, %%xmm8\n\t"
                 "pxor %%xmm9, %%xmm9\n\t"
                 "pxor %%xmm10, %%xmm10\n\t"
                 "pxor %%xmm11, %%xmm11\n\t"
                 "pxor %%xmm12, %%xmm12\n\t"
                 "pxor %%xmm13, %%xmm13\n\t"
                 "pxor %%xmm14, %%xmm14\n\t"
                 "pxor %%xmm15, %%xmm15" ::
                     : "xmm0",
                       "xmm1",
                       "xmm2",
                       "xmm3",
                       "xmm4",
                       "xmm5",
                       "xmm6",
                       "xmm7",
                       "xmm8",
                       "xmm9",
                       "xmm10",
                       "xmm11",
                       "xmm12",
                       "xmm13",
                       "xmm14",
                       "xmm15");
}

} // namespace

void wipe_vector_registers() noexcept {
    static const bool has_avx512 = __builtin_cpu_supports("avx512f");
    static const bool has_avx = __builtin_cpu_supports("avx");
    if (has_avx512)
        wipe_upper_sixteen();
    if (has_avx)
        wipe_sixteen_by_avx();
    else
        wipe_sixteen_by_sse();
}

#else

void wipe_vector_registers() noexcept {
    // which of them have what is not known here
}

#endif

} // namespace tz::format
