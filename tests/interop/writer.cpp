// tz_interop_writer LIST DATA FILE: writes a `.tensors` file with tz::save(), or tz::SaveSession,
// for the Python tests. See writer_list.hpp for what LIST and DATA are.
#include <tz/engine/save.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/tests/interop/writer_list.hpp>
#include <tz/tests/interop/writer_sealed.hpp>

#include <cstdio>
#include <exception>
#include <fstream>
#include <span>
#include <string>

namespace {

void write_bytes(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(
        reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void write_parts(const std::string& path, const tz::interop::List& list) {
    tz::SaveSession session(path, list.options);
    std::span<const tz::TensorView> rest(list.tensors);
    for (const std::size_t count : list.parts) {
        session.add(rest.first(count));
        rest = rest.subspan(count);
    }
}

void write(const std::string& path, const tz::interop::List& list) {
    if (!list.nonces.empty())
        write_bytes(path, tz::interop::sealed_file(list));
    else if (!list.parts.empty())
        write_parts(path, list);
    else
        tz::save(path, list.tensors, list.options);
}

} // namespace

int main(int count, char** arguments) {
    if (count != 4)
        return 2;
    try {
        write(arguments[3], tz::interop::read_list(arguments[1], arguments[2]));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
