#include <tz/format/registers.hpp>

namespace tz::format {

#if defined(__x86_64__)

namespace {

// clang-format off
__attribute__((target("avx512f"))) void wipe_all() {
    asm volatile(
        "vzeroall\n" // 0 to 15
        ".irp i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "vpxord %%zmm\\i, %%zmm\\i, %%zmm\\i\n"
        ".endr" :::
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
        "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

__attribute__((target("avx"))) void wipe_of_avx() {
    asm volatile(
        "vzeroall" :::
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

void wipe_of_sse() {
    asm volatile(
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "pxor %%xmm\\i, %%xmm\\i\n"
        ".endr" :::
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

// clang-format on

} // namespace

void wipe_vector_registers() noexcept {
    if (__builtin_cpu_supports("avx512f"))
        wipe_all();
    else if (__builtin_cpu_supports("avx"))
        wipe_of_avx();
    else
        wipe_of_sse();
}

#else // every other architecture

void wipe_vector_registers() noexcept {}

#endif

} // namespace tz::format
