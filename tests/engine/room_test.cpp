#include <tz/engine/room.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

/// One tensor of 1000 bytes whose data begins at `offset`; `data` bytes of it are in the file.
struct OneTensor {
    explicit OneTensor(std::uint64_t offset, std::uint64_t data = 1000) {
        format::Tensor tensor;
        tensor.dtype.bits = 32;
        tensor.bytes = 1000;
        tensor.header = {offset - 100, 100};
        tensor.data = {offset, data};
        layout.tensors.push_back(tensor);
        items.push_back(whole_item(layout, layout.tensors[0], 0));
    }

    /// Whether it fits where so much is available beside what any load takes.
    bool fits(std::uint64_t available, const LoadOptions& options) const {
        available += bytes_beside(1000);
        const auto error = test::error_of([&] { check_room(items, options, available); });
        EXPECT_TRUE(!error || error->kind() == errc::limit);
        return !error;
    }

    format::Layout layout;
    std::vector<Item> items;
};

TEST(Room, IsNeededForWhatIsOwned) {
    const OneTensor tensor(4096);
    LoadOptions options;
    EXPECT_TRUE(tensor.fits(1000, options));
    EXPECT_FALSE(tensor.fits(999, options));
    options.memory = Memory::none;
    EXPECT_TRUE(tensor.fits(0, options));
    options.keep_headers = true;
    EXPECT_THROW(check_room(tensor.items, options, 199), Error);
    EXPECT_NO_THROW(check_room(tensor.items, options, 200)); // as much again for the process
}

TEST(Room, IsNeededForWhatCantBeMapped) {
    LoadOptions options;
    options.memory = Memory::mapped;
    EXPECT_TRUE(OneTensor(4096).fits(0, options));
    EXPECT_TRUE(OneTensor(4100).fits(0, options));
    EXPECT_FALSE(OneTensor(4098).fits(0, options)) << "misaligned";
    EXPECT_FALSE(OneTensor(4096, 0).fits(0, options)) << "zeros";
    OneTensor sealed(4096);
    sealed.layout.encrypted = true;
    EXPECT_FALSE(sealed.fits(0, options));
}

TEST(Room, CountsZerosThatAreOnlyHashed) {
    LoadOptions options;
    options.memory = Memory::none;
    options.digests = true;
    EXPECT_FALSE(OneTensor(4096, 0).fits(0, options));
    EXPECT_TRUE(OneTensor(4096).fits(0, options));
}

TEST(Room, SaysNoToSumsThatOverflow) {
    OneTensor tensor(4096);
    tensor.items[0].bytes = UINT64_MAX - 1;
    tensor.items.push_back(tensor.items[0]);
    EXPECT_THROW(check_room(tensor.items, {}, UINT64_MAX - 1), Error);
}

TEST(Room, OfAContainerHoldsStagingToo) {
    OneTensor tensor(4096);
    tensor.items[0].bytes = 480 << 20;
    constexpr std::uint64_t available = 512 << 20;
    const std::uint64_t left = check_room(tensor.items, {}, available, 4 << 20);
    EXPECT_LE(left, std::uint64_t{16} << 20) << "tables of pages and stacks take some";
    EXPECT_GT(left, std::uint64_t{4} << 20);
    EXPECT_THROW(check_room(tensor.items, {}, available, left + 1), Error);
    LoadOptions nothing;
    nothing.memory = Memory::none;
    EXPECT_EQ(check_room(tensor.items, nothing, 2 << 20, 4 << 20), std::uint64_t{1} << 20)
        << "is never refused";
}

} // namespace
} // namespace tz
