#include <tz/format/layout.hpp>

#include <gtest/gtest.h>

namespace tz::format {
namespace {

TEST(Layout, SumsWhatIsHandedOut) {
    Layout layout;
    EXPECT_EQ(layout.total_bytes(), 0u);
    layout.tensors.resize(3);
    layout.tensors[0].bytes = 5;
    layout.tensors[2].bytes = 1ull << 40;
    EXPECT_EQ(layout.total_bytes(), (1ull << 40) + 5);
}

TEST(Tensor, IsMetaWhenItHasAShapeButNoData) {
    Tensor tensor;
    EXPECT_FALSE(tensor.meta()); // empty
    tensor.bytes = 8;
    EXPECT_TRUE(tensor.meta());
    tensor.data.bytes = 8;
    EXPECT_FALSE(tensor.meta());
}

} // namespace
} // namespace tz::format
