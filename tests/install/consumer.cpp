// Loads a file with an installed tzio and prints how many bytes its tensors have; or writes them to
// a safetensors file and prints how many bytes that has.
#include <tz/engine/convert.hpp>
#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/open_target.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

std::uint64_t load(const std::string& file) {
    tz::Engine engine;
    return tz::load(engine, tz::open_file(file)).stats.bytes;
}

std::uint64_t convert(const std::string& file, const std::string& target) {
    tz::Engine engine;
    const std::vector<std::shared_ptr<const tz::Source>> sources = {tz::open_file(file)};
    tz::ConvertOptions options;
    options.format = tz::format::FileFormat::safetensors;
    const tz::MakeTarget to_target = tz::open_target({}, tz::Existing::replaced);
    return tz::convert(engine, sources, target, to_target, options).bytes_written;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) {
        std::cerr << "usage: consumer FILE [TARGET]\n";
        return 2;
    }
    try {
        std::cout << (argc == 2 ? load(argv[1]) : convert(argv[1], argv[2])) << '\n';
    } catch (const std::exception& error) {
        std::cerr << "consumer: " << error.what() << '\n';
        return 1;
    }
}
