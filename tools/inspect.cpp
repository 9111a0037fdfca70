// `tz inspect`: what a file holds, from its index and its tensors' headers.
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/name.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>
#include <tz/tools/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tz::cli {

namespace {

using format::KeyDerivation;
using format::Tensor;
using format::TensorHeader;

std::string crc32_hex(format::Crc32 crc) {
    return fmt::format("{:08x}", crc);
}

const char* kind_name(format::TensorKind kind) {
    switch (kind) {
    case format::TensorKind::parameter:
        return "parameter";
    case format::TensorKind::buffer:
        return "buffer";
    case format::TensorKind::state:
        return "state";
    }
    return "unknown";
}

// How the key of the file comes from a password, where it does.
const KeyDerivation* derivation(const LoadedFile& loaded) {
    for (const TensorHeader& header : loaded.headers)
        if (header.seal && header.seal->derivation)
            return &*header.seal->derivation;
    return nullptr;
}

const char* name_of(format::FileFormat format) {
    return format == format::FileFormat::safetensors ? "safetensors" : "tensors";
}

Json path_json(const std::string& stored) {
    if (stored.empty()) // as a tensor of a safetensors file may be called
        return Json::array({""});
    Json path = Json::array();
    for (const format::Key& key : format::parse_name(stored, 0))
        std::visit([&](const auto& one) { path.push_back(one); }, key);
    return path;
}

Json seal_json(const TensorHeader& header) {
    if (!header.seal)
        return nullptr;
    return {{"piece_bytes", header.seal->piece_bytes}, {"pieces", header.seal->macs.size()}};
}

Json tensor_json(const Tensor& tensor, const TensorHeader& header) {
    Json json;
    json["name"] = format::display_name(tensor.name);
    json["path"] = path_json(tensor.name);
    json["kind"] = kind_name(tensor.kind);
    json["dtype"] = tensor.dtype.name;
    json["dtype_code"] = printable(tensor.dtype.code);
    json["dtype_bits"] = tensor.dtype.bits;
    json["shape"] = tensor.shape;
    json["bytes"] = tensor.bytes;
    json["meta"] = tensor.meta();
    json["header_offset"] = tensor.header.offset;
    json["header_bytes"] = tensor.header.bytes;
    json["data_offset"] = tensor.data.offset;
    json["data_bytes"] = tensor.data.bytes;
    json["crc32"] = header.crc32 ? Json(crc32_hex(*header.crc32)) : Json();
    json["sha256"] = header.sha256 ? Json(format::hex(*header.sha256)) : Json();
    json["seal"] = seal_json(header);
    return json;
}

Json metadata_json(const format::Layout& layout) {
    Json json = Json::object();
    for (const auto& [name, text] : layout.metadata)
        json[name] = text;
    return json;
}

Json to_json(const std::string& name, const LoadedFile& loaded) {
    Json json;
    json["file"] = name;
    json["file_bytes"] = loaded.layout.file_bytes;
    json["format"] = name_of(loaded.layout.format);
    json["format_version"] = loaded.layout.version == 0 ? Json() : Json(loaded.layout.version);
    json["metadata"] = metadata_json(loaded.layout);
    json["encrypted"] = loaded.layout.encrypted;
    const KeyDerivation* cost = derivation(loaded);
    json["key_derivation"] = nullptr;
    if (cost)
        json["key_derivation"] = {
            {"algorithm", "argon2id13"},
            {"passes", cost->passes},
            {"memory_bytes", cost->memory_bytes}};
    json["tensors_total"] = loaded.tensors_total;
    json["bytes_total"] = loaded.bytes_total;
    json["tensors"] = Json::array();
    for (std::size_t i = 0; i < loaded.headers.size(); ++i)
        json["tensors"].push_back(tensor_json(loaded.layout.tensors[i], loaded.headers[i]));
    return json;
}

using Row = std::vector<std::string>;

Row row(const Tensor& tensor, const TensorHeader& header) {
    std::string hashes = header.crc32 ? "crc32:" + crc32_hex(*header.crc32) : "";
    if (header.sha256)
        hashes +=
            (hashes.empty() ? "" : " ") + ("sha256:" + format::hex(*header.sha256).substr(0, 12));
    return {
        format::display_name(tensor.name),
        tensor.dtype.name,
        fmt::format("[{}]", fmt::join(tensor.shape, ", ")),
        size_text(tensor.bytes),
        std::to_string(tensor.data.offset),
        hashes.empty() ? "-" : hashes,
        tensor.meta() ? "meta"
        : header.seal ? "sealed"
                      : "-"};
}

std::string table(const std::vector<Row>& rows) {
    // a very long name runs over its column instead of widening everybody's
    constexpr std::size_t width_max = 60;
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& cells : rows)
        for (std::size_t i = 0; i < cells.size(); ++i)
            widths[i] = std::max(widths[i], std::min(cells[i].size(), width_max));
    std::string text;
    for (const Row& cells : rows) {
        for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
            const bool number = i == 3 || i == 4;
            text += number ? fmt::format("{:>{}}  ", cells[i], widths[i])
                           : fmt::format("{:<{}}  ", cells[i], widths[i]);
        }
        text += cells.back() + "\n";
    }
    return text;
}

std::string summary(const LoadedFile& loaded) {
    const format::Layout& layout = loaded.layout;
    std::string how = layout.format == format::FileFormat::tensors ? ", not encrypted" : "";
    if (const KeyDerivation* cost = derivation(loaded))
        how = fmt::format(
            ", encrypted with a password (Argon2id, {} pass{} over {})",
            cost->passes,
            cost->passes == 1 ? "" : "es",
            size_text(cost->memory_bytes));
    else if (layout.encrypted)
        how = ", encrypted with a key";
    const std::size_t shown = layout.tensors.size();
    const std::string of = shown == loaded.tensors_total ? "" : fmt::format("{} of ", shown);
    return fmt::format(
        "{}, {}{} tensor{}, {}{}\n",
        layout.version == 0 ? name_of(layout.format) : fmt::format("version {}", layout.version),
        of,
        loaded.tensors_total,
        loaded.tensors_total == 1 ? "" : "s",
        size_text(loaded.bytes_total),
        how);
}

// What the file says about itself: anybody's text.
std::string metadata_text(const format::Layout& layout) {
    constexpr std::size_t shown_max = 200;
    std::string text;
    for (const auto& [name, value] : layout.metadata) {
        const bool cut = value.size() > shown_max;
        text += fmt::format(
            "metadata {}: {}{}\n",
            printable(name),
            printable(value.substr(0, shown_max)),
            cut ? "..." : "");
    }
    return text;
}

std::string to_text(const LoadedFile& loaded) {
    std::vector<Row> rows{{"NAME", "DTYPE", "SHAPE", "SIZE", "OFFSET", "HASHES", "SEAL"}};
    for (std::size_t i = 0; i < loaded.headers.size(); ++i)
        rows.push_back(row(loaded.layout.tensors[i], loaded.headers[i]));
    return table(rows) + metadata_text(loaded.layout) + summary(loaded);
}

} // namespace

int run_inspect(const Options& options) {
    LoadOptions load = options.load;
    load.headers_only = true;
    load.keep_headers = true;
    Options silent = options;
    silent.progress = ShowProgress::off; // headers are read at once
    const LoadedInputs all = load_files(silent, load);
    const bool one = all.files.size() == 1;
    Json files = Json::array();
    std::string text;
    for (std::size_t i = 0; i < all.files.size(); ++i) {
        if (options.json)
            files.push_back(to_json(all.names[i], all.files[i]));
        else
            text += (one ? "" : all.names[i] + ":\n") + to_text(all.files[i]);
    }
    if (!options.json) {
        write_result(text);
        return 0;
    }
    Json json = result("tz-inspect/1");
    if (one)
        json.update(files.front());
    else
        json["files"] = std::move(files);
    write_json(json);
    return 0;
}

} // namespace tz::cli
