#include "support/bytes.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/requirement.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace tz::test {
namespace {

using namespace tz::format;
using Kind = Requirement::Kind;

Secret key(unsigned first = 0) {
    return Secret(counting(32, first));
}

SigningKey signing_key(unsigned first) {
    return SigningKey(key(first));
}

/// Signed with both kinds of key.
Manifest sample() {
    Manifest manifest;
    manifest.root = counting_array<32>(50);
    manifest.subject = subject_of("model@2");
    add_signature(manifest, sign(manifest.root, key()));
    add_signature(manifest, sign(manifest.root, signing_key(7)));
    return manifest;
}

Manifest without(SignatureKind kind) {
    Manifest manifest = sample();
    std::erase_if(manifest.signatures, [&](const auto& block) { return block.kind == kind; });
    return manifest;
}

Requirement by(Kind kind) {
    Requirement requirement;
    requirement.kind = kind;
    requirement.public_key = signing_key(7).public_key();
    requirement.root = counting_array<32>(50);
    return requirement;
}

void expect_refused(
    const char* text,
    const Requirement& requirement,
    const Manifest* manifest,
    const Secret* file_key = nullptr) {
    expect_error(errc::auth, text, [&] { check_requirement(requirement, manifest, file_key); });
}

TEST(Requirement, IsMetByTheRightManifest) {
    const Manifest manifest = sample();
    const Secret right = key();
    EXPECT_NO_THROW(check_requirement(by(Kind::none), nullptr, nullptr));
    EXPECT_NO_THROW(check_requirement(by(Kind::none), &manifest, nullptr));
    EXPECT_NO_THROW(check_requirement(by(Kind::file_key), &manifest, &right));
    EXPECT_NO_THROW(check_requirement(by(Kind::public_key), &manifest, nullptr));
    EXPECT_NO_THROW(check_requirement(by(Kind::root), &manifest, nullptr));
}

TEST(Requirement, IsNotMetWithoutManifest) {
    const Secret right = key();
    for (const Kind kind : {Kind::file_key, Kind::public_key, Kind::root})
        expect_refused("has no manifest", by(kind), nullptr, &right);
}

TEST(Requirement, OfTheFileKeyTakesThatKey) {
    const Manifest manifest = sample();
    const Secret wrong = key(1);
    expect_refused("no key was given", by(Kind::file_key), &manifest);
    expect_refused("with another key", by(Kind::file_key), &manifest, &wrong);
}

TEST(Requirement, IsNotMetByASignatureOfTheOtherKind) {
    const Secret right = key();
    const Manifest no_key = without(SignatureKind::file_key);
    const Manifest no_ed25519 = without(SignatureKind::ed25519);
    expect_refused("not signed with the file's key", by(Kind::file_key), &no_key, &right);
    expect_refused("no Ed25519 signature", by(Kind::public_key), &no_ed25519, &right);
}

TEST(Requirement, OfAPublicKeyIsNotMetByAnother) {
    const Manifest manifest = sample();
    Requirement other = by(Kind::public_key);
    other.public_key = signing_key(8).public_key();
    expect_refused("with another key", other, &manifest);
}

TEST(Requirement, IsNotMetByASignatureOfAnotherRoot) {
    Manifest manifest = sample();
    manifest.root[5] ^= std::byte{1};
    const Secret right = key();
    expect_refused("does not fit", by(Kind::file_key), &manifest, &right);
    expect_refused("does not fit", by(Kind::public_key), &manifest);
    expect_refused("the root of its manifest is", by(Kind::root), &manifest);
}

TEST(Requirement, OfASubjectGoesWithAnyOther) {
    const Manifest manifest = sample();
    for (const Kind kind : {Kind::none, Kind::public_key, Kind::root}) {
        Requirement requirement = by(kind);
        requirement.subject = subject_of("model@2");
        EXPECT_TRUE(requirement.demands());
        EXPECT_NO_THROW(check_requirement(requirement, &manifest, nullptr));
        requirement.subject = subject_of("model@1");
        expect_refused("another subject", requirement, &manifest);
        expect_refused("has no manifest", requirement, nullptr);
    }
    EXPECT_FALSE(by(Kind::none).demands());
}

TEST(Requirement, RootsAreHexDigits) {
    const Sha256 root = counting_array<32>(0xa0);
    EXPECT_EQ(parse_root(hex(root)), root);
    std::string upper = hex(root);
    for (char& c : upper)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(parse_root(upper), root);
    for (const std::string& text :
         {std::string(), hex(root).substr(1), hex(root) + "0", "g" + hex(root).substr(1)})
        expect_error(errc::usage, "64 hex digits", [&] { parse_root(text); });
}

} // namespace
} // namespace tz::test
