#include <tz/engine/read_start.hpp>

#include <algorithm>

namespace tz {

awaitable<std::vector<std::byte>>
read_start(Reader& reader, const Source& source, std::size_t most) {
    std::vector<std::byte> bytes;
    if (source.bytes_known()) {
        bytes.resize(std::min<std::uint64_t>(source.bytes(), most));
        if (!bytes.empty())
            co_await read_to(reader, bytes, 0);
    } else {
        bytes.resize(most);
        const std::size_t had = co_await reader.begin(bytes);
        bytes.resize(had);
    }
    co_return bytes;
}

awaitable<void> read_to(Reader& reader, std::span<std::byte> to, std::uint64_t from) {
    const Buffer buffer{to, -1, false};
    const std::span<const Buffer> buffers(&buffer, 1);
    co_await reader.read(Route::cached, from, buffers, to.size());
}

} // namespace tz
