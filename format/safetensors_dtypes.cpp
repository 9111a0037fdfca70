#include <tz/format/safetensors.hpp>

#include <array>

namespace tz::format {

namespace {

constexpr std::array known_dtypes{
    KnownDType{"BOOL", "bool", 8},
    KnownDType{"F4", "float4_e2m1fn", 4},
    KnownDType{"F6_E2M3", "float6_e2m3fn", 6},
    KnownDType{"F6_E3M2", "float6_e3m2fn", 6},
    KnownDType{"U8", "uint8", 8},
    KnownDType{"I8", "int8", 8},
    KnownDType{"F8_E5M2", "float8_e5m2", 8},
    KnownDType{"F8_E4M3", "float8_e4m3fn", 8},
    KnownDType{"F8_E8M0", "float8_e8m0fnu", 8},
    KnownDType{"F8_E4M3FNUZ", "float8_e4m3fnuz", 8},
    KnownDType{"F8_E5M2FNUZ", "float8_e5m2fnuz", 8},
    KnownDType{"I16", "int16", 16},
    KnownDType{"U16", "uint16", 16},
    KnownDType{"F16", "float16", 16},
    KnownDType{"BF16", "bfloat16", 16},
    KnownDType{"I32", "int32", 32},
    KnownDType{"U32", "uint32", 32},
    KnownDType{"F32", "float32", 32},
    KnownDType{"C64", "complex64", 64},
    KnownDType{"F64", "float64", 64},
    KnownDType{"I64", "int64", 64},
    KnownDType{"U64", "uint64", 64},
};

} // namespace

std::span<const KnownDType> safetensors_dtypes() {
    return known_dtypes;
}

} // namespace tz::format
