#include <tz/engine/save.hpp>
#include <tz/engine/save_session.hpp>

namespace tz {

void save(
    const std::string& path, std::span<const TensorView> tensors, const SaveOptions& options) {
    SaveSession(path, options).add(tensors);
}

} // namespace tz
