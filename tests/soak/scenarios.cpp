#include "scenarios.hpp"

#include "attempt.hpp"
#include <tz/engine/convert.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/engine/save.hpp>
#include <tz/engine/upload.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/s3_upload.hpp>

#include <filesystem>
#include <utility>

namespace tz::soak {

namespace {

using Kind = Scenario::Kind;

constexpr std::size_t shape = 0;
constexpr std::uint64_t part_bytes = 64 << 10;

/// How all of these are run.
Plan usual_plan(Content content, Io io = Io::threads) {
    Plan plan;
    plan.content = content;
    plan.io = io;
    plan.direct = Direct::automatic;
    plan.concurrency = 2;
    plan.chunk_bytes = 128 << 10;
    return plan;
}

void load_file(Content content, Io io, const Material& material, std::string& wrong) {
    const Plan plan = usual_plan(content, io);
    Stopper never({});
    Engine engine(engine_options(plan));
    const auto source = open_file(material.path(content, shape));
    const Loaded loaded = load(engine, source, load_options(plan, material, never));
    wrong += material.difference(loaded.layout, loaded.tensors, shape);
}

void parse_file(Content content, const Material& material, std::string& wrong) {
    Engine engine(engine_options(usual_plan(content)));
    wrong +=
        material.difference(read_layout(engine, open_file(material.path(content, shape))), shape);
}

void load_url(
    const std::string& url, const Material& material, std::string& wrong, bool hedge = false) {
    const Plan plan = usual_plan(Content::hashed);
    Stopper never({});
    Engine engine(engine_options(plan));
    NetworkOptions network = network_options(plan, url);
    network.hedge = hedge;
    const auto source = open(url + "/m", network);
    const Loaded loaded = load(engine, source, load_options(plan, material, never));
    wrong += material.difference(loaded.layout, loaded.tensors, shape);
}

/// By the name of the host, which is looked up and has more than one address.
void load_by_name(const std::string& server_url, const Material& material, std::string& wrong) {
    load_url("http://localhost" + server_url.substr(server_url.rfind(':')), material, wrong, true);
}

void load_s3(const std::string& server_url, const Material& material, std::string& wrong) {
    const Plan plan = usual_plan(Content::hashed);
    Stopper never({});
    Engine engine(engine_options(plan));
    const auto source = open("s3://b/m", network_options(plan, server_url));
    const Loaded loaded = load(engine, source, load_options(plan, material, never));
    wrong += material.difference(loaded.layout, loaded.tensors, shape);
}

void convert_file(const std::string& path, const Material& material, Io io) {
    const Plan plan = usual_plan(Content::sealed, io);
    Stopper never({});
    Engine engine(engine_options(plan));
    const std::shared_ptr<const Source> source = open_file(material.path(Content::sealed, shape));
    const MakeTarget make = [](const std::string& name) {
        return std::shared_ptr<Target>(file_target(name, Existing::replaced));
    };
    convert(engine, {&source, 1}, path, make, {}, load_options(plan, material, never));
}

void upload_file(const std::string& url, const Material& material) {
    const Plan plan = usual_plan(Content::hashed);
    Engine engine(engine_options(plan));
    const auto target =
        s3_target("s3://b/saved", network_options(plan, url), Existing::replaced, {}, part_bytes);
    upload(engine, open_file(material.path(Content::hashed, shape)), *target);
}

} // namespace

std::vector<Scenario> scenarios(const Material& material, const std::string& server_url) {
    const std::string folder = material.place("written");
    std::filesystem::create_directory(folder);
    const std::string path = folder + "/file";
    const auto load_of = [&material](std::string name, Content content, Io io) {
        const auto run = [&material, content, io](std::string& wrong) {
            load_file(content, io, material, wrong);
        };
        return Scenario{std::move(name), Kind::file, run, {}, io == Io::automatic};
    };
    const auto parse_of = [&material](std::string name, Content content) {
        return Scenario{std::move(name), Kind::file, [&material, content](std::string& wrong) {
                            parse_file(content, material, wrong);
                        }};
    };
    return {
        parse_of("parse tensors", Content::hashed),
        parse_of("parse safetensors", Content::safetensors),
        load_of("load tensors", Content::hashed, Io::threads),
        load_of("load tensors by ring", Content::hashed, Io::automatic),
        load_of("load sealed", Content::gathered, Io::threads),
        load_of("load safetensors", Content::safetensors, Io::automatic),
        {"load http",
         Kind::server,
         [&material, server_url](std::string& wrong) { load_url(server_url, material, wrong); }},
        {"load http by name",
         Kind::server,
         [&material, server_url](std::string& wrong) {
             load_by_name(server_url, material, wrong);
         }},
        {"load s3",
         Kind::server,
         [&material, server_url](std::string& wrong) { load_s3(server_url, material, wrong); }},
        {"save",
         Kind::save,
         [&material, path](std::string&) {
             save(path, material.sample(shape).views, material.saving(Content::hashed));
         },
         path},
        {"convert",
         Kind::convert,
         [&material, path](std::string&) { convert_file(path, material, Io::threads); },
         path},
        {"convert by ring",
         Kind::convert,
         [&material, path](std::string&) { convert_file(path, material, Io::automatic); },
         path,
         true},
        {"upload",
         Kind::upload,
         [&material, server_url](std::string&) { upload_file(server_url, material); }},
    };
}

} // namespace tz::soak
