// Vector registers, where copies of keys stay that no wiping of memory comes to. What saves them
// puts these on the stack: a signal, or the first call of a function that a library binds late.
#pragma once

namespace tz::format {

/// Of the calling thread, all that this CPU has. Nothing is in them that its caller may expect
/// back.
void wipe_vector_registers() noexcept;

/// At the end of a scope.
struct VectorRegistersWiped {
    VectorRegistersWiped() = default;

    ~VectorRegistersWiped() { wipe_vector_registers(); }

    VectorRegistersWiped(const VectorRegistersWiped&) = delete;
    VectorRegistersWiped& operator=(const VectorRegistersWiped&) = delete;
};

} // namespace tz::format
