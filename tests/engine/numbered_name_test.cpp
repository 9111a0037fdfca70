#include <tz/engine/numbered_name.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

TEST(NumberedName, HasAsManyDigitsAsItSaysOrMore) {
    const auto name = NumberedName::parse("s3://bucket/model-%03d.tensors");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->with(0), "s3://bucket/model-000.tensors");
    EXPECT_EQ(name->with(42), "s3://bucket/model-042.tensors");
    EXPECT_EQ(name->with(12345), "s3://bucket/model-12345.tensors");
}

TEST(NumberedName, IsNoOtherName) {
    for (const char* name :
         {"model.tensors",
          "model-%d.tensors",
          "model-%3d.tensors",
          "model-%00d.tensors",
          "model-%03s.tensors",
          "model-%03",
          "%03d/model.tensors",
          "a-%03d-%03d.tensors",
          "a%20b.tensors",
          ""})
        EXPECT_FALSE(NumberedName::parse(name)) << name;
}

} // namespace
} // namespace tz
