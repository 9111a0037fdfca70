#include <tz/engine/source.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

TEST(Sidecar, IsBesideItsFile) {
    const struct {
        const char* file;
        const char* sidecar;
    } addresses[] = {
        {"m.tensors", "m.tensors.manifest"},
        {"/a b/m?x#y", "/a b/m?x#y.manifest"},
        {"file:///a/m.tensors", "file:///a/m.tensors.manifest"},
        {"https://h/m.tensors", "https://h/m.tensors.manifest"},
        {"https://h/m.tensors?token=1", "https://h/m.tensors.manifest?token=1"},
        {"http://h/m#part", "http://h/m.manifest"},
        {"http://h/m?a#b?c", "http://h/m.manifest?a"},
        {"s3://b/k", "s3://b/k.manifest"},
        {"s3://b/k#1", "s3://b/k#1.manifest"},
        {"s3://b/k?versionId=7", "s3://b/k.manifest"}};

    for (const auto& address : addresses)
        EXPECT_EQ(sidecar_address(address.file), address.sidecar);
}

TEST(Sidecar, NeedNotBeThere) {
    const test::TempFolder folder;
    const std::string file = folder / "m.tensors";
    EXPECT_EQ(open_sidecar(file), nullptr);
    test::write_file(file + ".manifest", test::random_bytes(5));
    ASSERT_NE(open_sidecar(file), nullptr);
    EXPECT_EQ(open_sidecar(file)->name(), file + ".manifest");
}

TEST(Sidecar, ThatCannotBeReadIsAnError) {
    const test::TempFolder folder;
    std::filesystem::create_directory(folder / "m.tensors.manifest");
    EXPECT_TRUE(test::error_of([&] { open_sidecar(folder / "m.tensors"); }));
}

} // namespace
} // namespace tz
