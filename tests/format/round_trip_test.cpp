// Random files are written, read, opened, and their hashes compared.
#include "support/made_file.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/name.hpp>

#include <gtest/gtest.h>

#include <random>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

class RandomFile {
public:
    explicit RandomFile(unsigned seed) : random_(seed) {}

    std::vector<Content> tensors() {
        const bool tree = below(3) == 0;
        std::vector<Content> made;
        for (std::uint64_t count = 1 + below(12); made.size() < count;)
            made.push_back(tensor(name(made.size(), tree), tree));
        return made;
    }

    MakeOptions options(const Secret& key) {
        MakeOptions options;
        options.write.crc32 = below(4) != 0;
        options.write.sha256 = below(4) != 0;
        options.write.large_alignment = 1ull << below(13);
        options.write.small_alignment = 1ull << below(10);
        options.write.piece_bytes = 1024 * (1 + below(4));
        if (below(2) == 0)
            options.key = &key;
        if (below(2) == 0)
            options.write.derivation = {1 + below(9), 8192 + below(99), counting_array<16>()};
        for (std::byte& byte : options.nonce)
            byte = static_cast<std::byte>(random_());
        return options;
    }

private:
    std::uint64_t below(std::uint64_t end) { return random_() % end; }

    std::string name(std::size_t index, bool tree) {
        if (!tree)
            return "layer." + std::to_string(index) + (below(2) ? "\xc3\xa9" : ".weight");
        return store_name({"model", index, below(2) ? "weight" : "a \"b\"\n"});
    }

    Content tensor(std::string name, bool tree) {
        static const std::vector<std::string> codes{
            "|b1",
            "<f4",
            "<c16",
            "<V2\0torch.bfloat16"s,
            "|V1\0torch.float8_e5m2"s,
            "<V8\0torch.new_type"s};
        std::vector<std::uint64_t> shape;
        for (std::uint64_t dimensions = below(5); shape.size() < dimensions;)
            shape.push_back(below(9));
        if (below(20) == 0)
            shape = {0, (1ull << 32) + below(9)};
        const auto kind = tree ? TensorKind::state : static_cast<TensorKind>(below(3));
        Content made = content(std::move(name), codes[below(codes.size())], shape, kind);
        for (std::byte& byte : made.data)
            byte = static_cast<std::byte>(random_());
        return made;
    }

    std::mt19937_64 random_;
};

void expect_equal(const Content& content, const Tensor& tensor) {
    EXPECT_EQ(tensor.name, content.spec.name);
    EXPECT_EQ(tensor.kind, content.spec.kind);
    EXPECT_EQ(tensor.dtype.code, content.spec.dtype_code);
    EXPECT_EQ(tensor.shape, content.spec.shape);
    EXPECT_EQ(tensor.bytes, content.spec.bytes);
}

void expect_hashes(const TensorHeader& header, const Bytes& data) {
    Bytes covered = header.hashed;
    covered.insert(covered.end(), data.begin(), data.end());
    if (header.crc32) {
        EXPECT_EQ(header.crc32, crc32(covered));
    }
    if (header.sha256) {
        EXPECT_EQ(header.sha256, sha256(covered));
    }
}

TEST(RoundTrip, OfRandomFilesGivesThemBack) {
    const Secret key(counting(32));
    for (unsigned seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        RandomFile random(seed);
        const std::vector<Content> tensors = random.tensors();
        const MakeOptions options = random.options(key);
        const MadeFile file = make_file(tensors, options);
        ASSERT_EQ(file.bytes.size(), file.layout.file_bytes);

        const Parsed parsed = parse_all(file.bytes);
        EXPECT_EQ(parsed.layout.version, file.layout.version);
        EXPECT_EQ(parsed.layout.encrypted, options.key != nullptr);
        ASSERT_EQ(parsed.layout.tensors.size(), tensors.size());
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const Tensor& tensor = parsed.layout.tensors[i];
            const TensorHeader& header = parsed.headers[i];
            expect_equal(tensors[i], tensor);
            const bool sealed = options.key != nullptr && tensor.data.bytes != 0;
            EXPECT_EQ(header.seal.has_value(), sealed);
            EXPECT_EQ(header.crc32.has_value(), options.write.crc32 && !sealed);
            EXPECT_EQ(header.sha256.has_value(), options.write.sha256);
            Bytes data = opened(file.bytes, tensor, header, options.key);
            expect_hashes(header, data);
            data.resize(tensor.bytes);
            EXPECT_EQ(data, tensors[i].data);
        }
    }
}

} // namespace
} // namespace tz::format
