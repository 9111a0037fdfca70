// Loads a file with an installed tzio and prints how many bytes its tensors have.
#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: consumer FILE\n";
        return 2;
    }
    try {
        tz::Engine engine;
        const tz::Loaded loaded = tz::load(engine, tz::open_file(argv[1]));
        std::cout << loaded.stats.bytes << '\n';
    } catch (const std::exception& error) {
        std::cerr << "consumer: " << error.what() << '\n';
        return 1;
    }
}
