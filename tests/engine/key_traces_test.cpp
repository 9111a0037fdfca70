// Keys are gone from memory when what was loaded or saved with them is done.
#include <tz/engine/load.hpp>
#include <tz/engine/save.hpp>
#include <tz/format/seal.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <unistd.h>

namespace tz {
namespace {

constexpr std::byte mask{0xA5};

/// What a key is, without being one that a search would find: half of it, each byte changed.
using MaskedHalf = std::array<std::byte, format::key_bytes / 2>;

std::array<MaskedHalf, 2> masked(std::span<const std::byte> key) {
    std::array<MaskedHalf, 2> halves;
    for (std::size_t i = 0; i < key.size(); ++i)
        halves.at(i / halves[0].size()).at(i % halves[0].size()) = key[i] ^ mask;
    return halves;
}

/// Bytes of this process that it may write to, part by part; each begins with the last ones of the
/// part before.
void visit_memory(const std::function<void(std::span<const std::byte>)>& visit) {
    constexpr std::size_t overlap = std::tuple_size_v<MaskedHalf> - 1;
    std::vector<std::byte> part(1 << 20);
    std::ifstream maps("/proc/self/maps");
    const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(memory, 0);
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        std::uint64_t at = 0, end = 0;
        char dash = 0;
        std::string rights;
        fields >> std::hex >> at >> dash >> end >> rights;
        if (!rights.starts_with("rw"))
            continue;
        while (at < end) {
            const std::size_t wanted = std::min<std::uint64_t>(part.size(), end - at);
            const ssize_t got = ::pread(memory, part.data(), wanted, static_cast<off_t>(at));
            if (got <= 0) // guarded, or gone meanwhile
                break;
            visit(std::span(part).first(static_cast<std::size_t>(got)));
            const auto read = static_cast<std::uint64_t>(got);
            at += read == wanted && at + read < end ? read - overlap : read;
        }
    }
    ::close(memory);
}

bool begins_with(std::span<const std::byte> bytes, const MaskedHalf& half) {
    for (std::size_t i = 0; i < half.size(); ++i)
        if ((bytes[i] ^ mask) != half[i])
            return false;
    return true;
}

/// How often one of the halves lies in this process's memory.
std::size_t traces_of(const std::array<MaskedHalf, 2>& halves) {
    std::size_t traces = 0;
    visit_memory([&](std::span<const std::byte> part) {
        for (const MaskedHalf& half : halves) {
            const std::byte first = half[0] ^ mask;
            auto at = part.begin();
            while ((at = std::find(at, part.end(), first)) != part.end()) {
                const std::span<const std::byte> rest(at, part.end());
                traces += rest.size() >= half.size() && begins_with(rest, half);
                ++at;
            }
        }
    });
    return traces;
}

/// Other bytes in each process, so that no file or program has them.
std::shared_ptr<const format::Secret> random_secret() {
    std::array<std::byte, format::key_bytes> bytes;
    std::random_device random;
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random());
    auto secret = std::make_shared<const format::Secret>(std::span<const std::byte>(bytes));
    format::wipe(bytes);
    return secret;
}

class KeyTraces : public testing::TestWithParam<Io> {
protected:
    void SetUp() override {
        if (test::sanitized)
            GTEST_SKIP() << "shadow memory is terabytes to look through";
    }

    /// Saves and loads, once with all that can be computed of a tensor. What a piece is opened with
    /// is looked for, too.
    void use(const SaveOptions& saving, const LoadOptions& loading) {
        save(path_, sample_.views, saving);
        EngineOptions options;
        options.io = GetParam();
        options.workers = 2;
        Engine engine(options);
        LoadOptions with_digests = loading;
        with_digests.digests = with_digests.keep_headers = true;
        const Loaded loaded = load(engine, open_file(path_), with_digests);
        seal_ = loaded.headers.at(0).seal;
        const Loaded again = load(engine, open_file(path_), loading);
        ASSERT_TRUE(std::ranges::equal(again.tensors.at(0), sample_.data.at(0)));
    }

    std::array<MaskedHalf, 2> masked_piece_key(const format::Secret& key) const {
        format::PieceKey piece = format::piece_key(format::piece_nonce(seal_->nonce, 0), key);
        const auto halves = masked(piece.key);
        format::wipe(std::as_writable_bytes(std::span(&piece, 1)));
        return halves;
    }

    test::TempFolder folder_;
    test::Sample sample_{{5 << 20, 100, 3000}};
    std::string path_ = folder_ / "file";
    std::optional<format::Seal> seal_;
};

TEST_P(KeyTraces, OfAKeyAreGone) {
    auto key = random_secret();
    SaveOptions saving;
    saving.key = key;
    LoadOptions loading;
    loading.key = key;
    use(saving, loading);
    const auto needle = masked(key->bytes());
    const auto piece_needle = masked_piece_key(*key);
    EXPECT_GT(traces_of(needle), 0u) << "it is found while it is there";
    saving.key = loading.key = key = nullptr;
    EXPECT_EQ(traces_of(needle), 0u);
    EXPECT_EQ(traces_of(piece_needle), 0u);
}

TEST_P(KeyTraces, OfAPasswordAndItsKeyAreGone) {
    auto password = random_secret();
    SaveOptions saving;
    saving.password = password;
    saving.derivation_passes = 1;
    saving.derivation_memory_bytes = 8 << 20;
    LoadOptions loading;
    loading.password = password;
    use(saving, loading);
    const auto needle = masked(password->bytes());
    std::array<MaskedHalf, 2> key_needle;
    std::array<MaskedHalf, 2> piece_needle;
    {
        const format::Secret key = format::derive_key(*password, *seal_->derivation);
        key_needle = masked(key.bytes());
        piece_needle = masked_piece_key(key);
    }
    saving.password = loading.password = password = nullptr;
    EXPECT_EQ(traces_of(needle), 0u);
    EXPECT_EQ(traces_of(key_needle), 0u);
    EXPECT_EQ(traces_of(piece_needle), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, KeyTraces, testing::Values(Io::automatic, Io::threads), [](const auto& info) {
        return info.param == Io::threads ? "Threads" : "Ring";
    });

} // namespace
} // namespace tz
