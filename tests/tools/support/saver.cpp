// tz_saver BYTES FILE: saves a tensor of so many bytes with tz::save(), for tests that kill it.
#include <tz/engine/save.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

int main(int count, char** arguments) try {
    if (count != 3)
        return 2;
    std::vector<std::byte> bytes(std::strtoull(arguments[1], nullptr, 10));
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
    tz::TensorView view;
    view.spec.name = "x";
    view.spec.dtype_code = "|u1";
    view.spec.shape = {bytes.size()};
    view.spec.bytes = bytes.size();
    view.data = bytes;
    tz::save(arguments[2], std::span(&view, 1));
    return 0;
} catch (const std::exception& error) {

    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
