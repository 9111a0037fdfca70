#include <tz/engine/result.hpp>

#include <memory>
#include <utility>

namespace tz {

namespace {

/// What keeps the memory of a file's tensors: the load's own and, where they are mapped, its pages.
struct Owners {
    std::shared_ptr<HostMemory> memory;
    std::shared_ptr<const Mapping> mapping;
};

} // namespace

std::vector<LoadedFile> collect(Job& job) {
    const LoadOptions& options = job.options;
    const bool kept = options.memory != Memory::none;
    std::vector<LoadedFile> files(job.files.size());
    std::vector<std::size_t> wanted(files.size());
    for (const Item& item : job.items)
        ++wanted[item.source];
    for (std::size_t i = 0; i < files.size(); ++i) {
        files[i].tensors_total = job.files[i].layout->tensors.size();
        files[i].bytes_total = job.files[i].layout->total_bytes();
        files[i].tensors.resize(kept ? wanted[i] : 0);
        files[i].headers.resize(options.keep_headers ? wanted[i] : 0);
        files[i].digests.resize(options.digests ? wanted[i] : 0);
        if (options.header_digests && job.files[i].layout->has_headers())
            files[i].header_digests.resize(wanted[i]);
        if (kept)
            files[i].memory = std::make_shared<Owners>(Owners{job.memory, job.files[i].mapping});
    }
    for (std::size_t i = 0; i < job.items.size(); ++i) {
        const Item& item = job.items[i];
        LoadedFile& file = files[item.source];
        if (kept)
            file.tensors[item.place] = job.homes[i];
        if (options.keep_headers)
            file.headers[item.place] = std::move(job.arrivals[i].header);
        if (options.digests)
            file.digests[item.place] = job.arrivals[i].digest_value;
        if (!file.header_digests.empty())
            file.header_digests[item.place] = job.arrivals[i].header_digest;
    }
    return files;
}

} // namespace tz
