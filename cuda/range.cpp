#include <tz/cuda/range.hpp>

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define TZ_HAS_NVTX
#endif

namespace tz::cuda {

#ifdef TZ_HAS_NVTX

namespace {

nvtxDomainHandle_t domain() {
    static const nvtxDomainHandle_t made = nvtxDomainCreateA("tzio"); // for the process
    return made;
}

} // namespace

Range::Range(const char* name, std::uint64_t bytes) {
    nvtxEventAttributes_t attributes{};
    attributes.version = NVTX_VERSION;
    attributes.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
    attributes.message.ascii = name;
    attributes.payloadType = NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
    attributes.payload.ullValue = bytes;
    id_ = nvtxDomainRangeStartEx(domain(), &attributes);
}

Range::~Range() {
    nvtxDomainRangeEnd(domain(), id_);
}

bool has_ranges() {
    return true;
}

#else

Range::Range(const char* /*name*/, std::uint64_t /*bytes*/) {}

Range::~Range() = default;

bool has_ranges() {
    return false;
}

#endif

} // namespace tz::cuda
