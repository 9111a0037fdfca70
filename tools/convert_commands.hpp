// The options of the commands that write tensors.
#pragma once

#include <tz/tools/command.hpp>
#include <tz/tools/commands.hpp>

namespace tz::cli {

// What is parsed is stored in `options` and `arguments`, which outlive the command.

Command add_convert(CLI::App& app, Options& options, ConvertArguments& arguments);
Command add_encrypt(CLI::App& app, Options& options, ConvertArguments& arguments);
Command add_decrypt(CLI::App& app, Options& options, ConvertArguments& arguments);
Command add_keygen(CLI::App& app, Options& options, KeygenArguments& arguments);

} // namespace tz::cli
