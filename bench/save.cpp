// What does it cost to save tensors from memory? Loads a file, saves it again some times with
// tz::save(), made durable each time, and prints the seconds of each as JSON: for bench/write.sh.
#include <tz/engine/load.hpp>
#include <tz/engine/save.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/file.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::vector<tz::TensorView> views_of(const tz::Loaded& loaded) {
    std::vector<tz::TensorView> views;
    for (std::size_t i = 0; i < loaded.tensors.size(); ++i) {
        const auto& tensor = loaded.layout.tensors[i];
        tz::TensorView view;
        view.spec.name = tensor.name;
        view.spec.kind = tensor.kind;
        view.spec.dtype_code = tensor.dtype.code;
        view.spec.shape = tensor.shape;
        view.spec.bytes = tensor.bytes;
        view.data = loaded.tensors[i];
        views.push_back(std::move(view));
    }
    return views;
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 4 && argc != 5) {
        std::fputs("usage: save_timer FILE.tensors NEW TIMES [encrypted]\n", stderr);
        return 2;
    }
    tz::Engine engine;
    const tz::Loaded loaded = tz::load(engine, tz::open_file(argv[1]));
    const auto views = views_of(loaded);
    tz::SaveOptions options;
    if (argc == 5)
        options.key = std::make_shared<tz::format::Secret>(tz::format::random_key());
    std::printf("[");
    for (int i = 0; i < std::atoi(argv[3]); ++i) {
        std::filesystem::remove(argv[2]);
        const auto began = Clock::now();
        tz::save(argv[2], views, options);
        const std::chrono::duration<double> seconds = Clock::now() - began;
        std::printf("%s%.4f", i == 0 ? "" : ", ", seconds.count());
    }
    std::printf("]\n");
    return 0;
} catch (const std::exception& error) {

    std::fprintf(stderr, "save_timer: %s\n", error.what());
    return 1;
}
