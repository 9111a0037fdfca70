// The files of tests/data/model-signing.
#pragma once

#include "bytes.hpp"
#include <tz/format/model_statement.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace tz::test {

inline Bytes data(const std::string& name) {
    std::ifstream file(std::string(TZ_GOLDEN) + "/model-signing/" + name, std::ios::binary);
    return from_text(std::string(std::istreambuf_iterator<char>(file), {}));
}

inline std::string text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes replaced(const Bytes& bytes, const std::string& what, const std::string& with) {
    std::string text = text_of(bytes);
    const std::size_t at = text.find(what);
    EXPECT_NE(at, text.npos) << what;
    return from_text(text.replace(at, what.size(), with));
}

} // namespace tz::test
