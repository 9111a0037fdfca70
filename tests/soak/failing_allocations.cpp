// operator new and delete of this program, in all their forms; and aligned_alloc where code of this
// program calls it, as Asio does for its operations, handlers and coroutines.
#include "failing_calls.hpp"

#include <atomic>
#include <cassert>
#include <cstdlib>
#include <new>

// The linker's names (--wrap=aligned_alloc).
extern "C" {
// NOLINTNEXTLINE(bugprone-reserved-identifier)
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
}

namespace tz::soak {

namespace {

// Constant initialised: allocations come before main.
constinit std::atomic<bool> armed = false;
constinit std::atomic<std::uint64_t> fails_at = 0;
constinit std::atomic<std::uint64_t> fails_until = 0;
constinit std::atomic<std::uint64_t> made = 0;
constinit std::atomic<std::int64_t> live = 0;
constinit thread_local bool exempt = false;

bool fails() {
    if (!armed.load(std::memory_order_acquire) || exempt)
        return false;
    const std::uint64_t number = made++;
    return number >= fails_at && number < fails_until;
}

/// Null where there is none.
void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    if (fails())
        return nullptr;
    void* const block =
        alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
            ? std::malloc(bytes == 0 ? 1 : bytes)
            : ::__real_aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    live += block != nullptr;
    return block;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment = 0) {
    void* const block = allocate(bytes, alignment);
    if (block == nullptr)
        throw std::bad_alloc();
    return block;
}

void release(void* block) noexcept {
    live -= block != nullptr;
    std::free(block);
}

} // namespace

FailingAllocation::FailingAllocation(std::uint64_t nth, std::uint64_t count) {
    assert(!armed);
    made = 0;
    fails_at = nth;
    fails_until = nth + count;
    armed = true;
}

FailingAllocation::~FailingAllocation() {
    armed = false;
}

bool FailingAllocation::met() const {
    return made > fails_at;
}

void never_fail_here() {
    exempt = true;
}

std::int64_t live_blocks() {
    return live;
}

} // namespace tz::soak

// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
    return tz::soak::fails() ? nullptr : ::__real_aligned_alloc(alignment, bytes);
}

using tz::soak::allocate;
using tz::soak::allocate_or_throw;
using tz::soak::release;

void* operator new(std::size_t bytes) {
    return allocate_or_throw(bytes);
}

void* operator new[](std::size_t bytes) {
    return allocate_or_throw(bytes);
}

void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}

void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return allocate(bytes, 0);
}

void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return allocate(bytes, 0);
}

void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}

void* operator new[](
    std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}

void operator delete(void* block) noexcept {
    release(block);
}

void operator delete[](void* block) noexcept {
    release(block);
}

void operator delete(void* block, std::size_t) noexcept {
    release(block);
}

void operator delete[](void* block, std::size_t) noexcept {
    release(block);
}

void operator delete(void* block, std::align_val_t) noexcept {
    release(block);
}

void operator delete[](void* block, std::align_val_t) noexcept {
    release(block);
}

void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
    release(block);
}

void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
    release(block);
}

void operator delete(void* block, const std::nothrow_t&) noexcept {
    release(block);
}

void operator delete[](void* block, const std::nothrow_t&) noexcept {
    release(block);
}

void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
    release(block);
}

void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
    release(block);
}
