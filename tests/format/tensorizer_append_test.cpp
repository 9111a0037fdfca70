#include "support/made_file.hpp"
#include <tz/format/tensorizer_append.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

using namespace tz::test;
using namespace std::string_literals;

TensorSpec spec(std::string name, std::string code, std::vector<std::uint64_t> shape) {
    return content(std::move(name), std::move(code), std::move(shape)).spec;
}

const std::vector first{spec("a", "<f4", {2}), spec("b", "|u1", {3})};
const std::vector second{spec("c", "<V2\0torch.bfloat16"s, {2 << 20}), spec("d", "|u1", {})};

void expect_same(const Layout& one, const Layout& other) {
    EXPECT_EQ(write_index(one), write_index(other));
    EXPECT_EQ(one.file_bytes, other.file_bytes);
}

std::vector<TensorSpec> joined(const std::vector<TensorSpec>& a, const std::vector<TensorSpec>& b) {
    std::vector<TensorSpec> all = a;
    all.insert(all.end(), b.begin(), b.end());
    return all;
}

TEST(Append, PlansTheFileThatHasAllTensorsFromTheStart) {
    WriteOptions encrypted;
    encrypted.encrypted = true;
    encrypted.derivation.emplace();
    for (const WriteOptions& options : {WriteOptions(), packed(), like_pip_options(), encrypted})
        expect_same(
            plan_append(plan_file(first, options), second, options),
            plan_file(joined(first, second), options));
}

TEST(Append, ChangesNothingButCountsAndWhatIsBehindTheEntries) {
    const Layout before = plan_file(first, {});
    const Layout after = plan_append(before, second, {});
    Bytes old_index = write_index(before);
    const Bytes new_index = write_index(after);
    std::copy_n(
        new_index.begin() + counts_field.offset,
        counts_field.bytes,
        old_index.begin() + counts_field.offset);
    const auto end = static_cast<std::ptrdiff_t>(entries_end(before));
    EXPECT_TRUE(std::equal(old_index.begin(), old_index.begin() + end, new_index.begin()));
    const Bytes zeros(before.index_bytes - entries_end(before));
    EXPECT_EQ(Bytes(old_index.begin() + end, old_index.end()), zeros);
    EXPECT_EQ(after.tensors[2].header.offset, before.file_bytes - terminator_bytes);
}

TEST(Append, TakesTheVersionOfWhateverNeedsMost) {
    const auto version = [](const std::vector<TensorSpec>& one,
                            const std::vector<TensorSpec>& two) {
        return plan_append(plan_file(one, {}), two, {}).version;
    };
    EXPECT_EQ(version(first, {spec("e", "<f4", {1})}), 1u);
    EXPECT_EQ(version(first, second), 2u);
    EXPECT_EQ(version(second, first), 2u);
    TensorSpec meta = spec("m", "<f4", {2});
    meta.meta = true;
    EXPECT_EQ(version(first, {meta}), 4u);
    EXPECT_EQ(version({meta}, second), 4u);
}

TEST(Append, RefusesMoreThanTheRegionHasRoomFor) {
    WriteOptions options;
    options.region_bytes_min = 37 + 37; // entries of one-character names with one dimension
    options.region_reserve = 0;
    const std::vector one{spec("a", "<f4", {2})};
    const Layout file = plan_file(one, options);
    EXPECT_EQ(
        entries_end(plan_append(file, std::vector{spec("b", "<f4", {2})}, options)),
        file.index_bytes);
    expect_error(errc::limit, "takes 75 bytes, and its region has 74", [&] {
        plan_append(file, std::vector{spec("bb", "<f4", {2})}, options);
    });
    options.region_reserve = 1;
    expect_error(errc::limit, "takes 74 bytes, and its region has 73", [&] {
        plan_append(file, std::vector{spec("b", "<f4", {2})}, options);
    });
}

TEST(Append, RefusesNamesThatDoNotGoWithThoseThatAreThere) {
    const Layout file = plan_file(first, {});
    expect_error(
        errc::usage, "twice", [&] { plan_append(file, std::vector{spec("a", "<f4", {2})}, {}); });
    expect_error(errc::usage, "branch", [&] {
        plan_append(file, std::vector{spec("\x1e[\"a\",\"x\"]", "<f4", {2})}, {});
    });
}

TEST(Append, RefusesTheFirstLongDimensionSinceItWouldMoveEntries) {
    const std::vector wide{spec("w", "<f4", {1ull << 32, 0})};
    expect_error(errc::usage, "2^32", [&] { plan_append(plan_file(first, {}), wide, {}); });
    expect_same(plan_append(plan_file(wide, {}), first, {}), plan_file(joined(wide, first), {}));
    const std::vector wide_too{spec("x", "<f4", {1ull << 32, 0})};
    EXPECT_NO_THROW(plan_append(plan_file(wide, {}), wide_too, {}));
}

TEST(Append, OfNothingChangesNothing) {
    const Layout file = plan_file(first, {});
    expect_same(plan_append(file, {}, {}), file);
}

// What a reader finds after the entries are written and before the counts are.
TEST(UnfinishedAppend, ShowsTheOldTensors) {
    MakeOptions options;
    MadeFile file = make_file({content("a", "<f4", {2}), content("b", "<f4", {2})}, options);
    put<std::uint64_t>(file.bytes, 57, 1); // counts one
    expect_file_error(errc::format, "goes on after", [&] { parse_all(file.bytes); });
    std::ranges::copy(appending_mark, file.bytes.begin() + reserved_field.offset);
    const Parsed parsed = parse_all(file.bytes);
    ASSERT_EQ(parsed.layout.tensors.size(), 1u);
    EXPECT_EQ(parsed.layout.tensors[0].name, "a");
}

} // namespace
} // namespace tz::format
