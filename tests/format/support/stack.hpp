// What work leaves behind on the stack of its thread.
#pragma once

#include "bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <pthread.h>
#include <span>

namespace tz::test {

/// The memory that the stack of a thread lay in which ran `work`.
inline Bytes stack_after(const std::function<void()>& work) {
    Bytes stack(512 << 10);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack.data(), stack.size());
    pthread_t thread;
    const auto run = [](void* argument) -> void* {
        (*static_cast<const std::function<void()>*>(argument))();
        return nullptr;
    };
    const int started =
        pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&work));
    EXPECT_EQ(started, 0);
    if (started == 0)
        pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    return stack;
}

/// Whether eight bytes of `secret` in a row, or a word of it over and over as a vector has it, lie
/// in `memory`.
inline bool traces_of(std::span<const std::byte> secret, const Bytes& memory) {
    const auto found = [&](const std::byte* bytes, std::size_t count) {
        return !std::ranges::search(memory, std::span(bytes, count)).empty();
    };
    for (std::size_t at = 0; at + 8 <= secret.size(); at += 4) {
        std::byte word_twice[8];
        std::memcpy(word_twice, &secret[at], 4);
        std::memcpy(word_twice + 4, &secret[at], 4);
        if (found(&secret[at], 8) || found(word_twice, 8))
            return true;
    }
    return false;
}

} // namespace tz::test
