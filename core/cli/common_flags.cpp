// SPDX-License-Identifier: MIT
#include "cli/common_flags.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include "campaign/settings.h"
#include "files/number_format.h"
#include "host/threads.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>

namespace backobs {
namespace {

Source source_from(const std::string& text) {
  if (text == "real") return Source::real;
  if (text == "synthetic") return Source::synthetic;
  throw UsageError("--source", "`" + text + "`", "real or synthetic", nearest_name(text, {"real", "synthetic"}));
}

c10::ScalarType dtype_from(const std::string& text) {
  if (text == "float32") return c10::kFloat;
  if (text == "float64") return c10::kDouble;
  throw UsageError("--dtype", "`" + text + "`", "float32 or float64", nearest_name(text, {"float32", "float64"}));
}

int64_t threads_from(const std::string& text) {
  const int64_t threads = integer_flag("--threads", text, 1);
  if (threads > kMostThreads)
    throw UsageError("--threads", "`" + text + "`", "at most " + std::to_string(kMostThreads));
  return threads;
}

c10::Device device_from(const std::string& text) {
  try {
    return c10::Device(text);
  } catch (const c10::Error&) {
    throw UsageError("--device", "`" + text + "`", "a device of LibTorch, such as cpu or cuda:0");
  }
}

/// CLI11 reads numbers as C does ("010" is 8), so every flag arrives here as text.
using Reader = std::function<void(const std::string&)>;

struct CommonFlag {
  std::string name, type, doc;
  Reader read;
};

std::vector<CommonFlag> table_of(CommonFlags& flags) {
  return {
      {"--data-dir", "DIR", "where data files are", [&](auto& text) { flags.data_dir = text; }},
      {"--output", "DIR", "where results go", [&](auto& text) { flags.output = text; }},
      {"--source", "real|synthetic", "real data files, or seeded noise of the same shapes",
       [&](auto& text) { flags.source = source_from(text); }},
      {"--batch-size", "N", "samples in a mini-batch (default: the problem's)",
       [&](auto& text) { flags.batch_size = integer_flag("--batch-size", text, 1); }},
      {"--seed", "S", "decides every draw (default: 42)",
       [&](auto& text) { flags.seed = integer_flag("--seed", text, 0); }},
      {"--threads", "T", "threads to compute with (default: all of the machine)",
       [&](auto& text) { flags.threads = threads_from(text); }},
      {"--device", "DEVICE", "default: cpu", [&](auto& text) { flags.device = device_from(text); }},
      {"--dtype", "float32|float64", "type of parameters and data (default: float32)",
       [&](auto& text) { flags.dtype = dtype_from(text); }},
  };
}

}  // namespace

int64_t integer_flag(const std::string& flag, const std::string& text, int64_t minimum) {
  const auto value = parse_integer(text);
  if (!value || *value < minimum) throw UsageError(flag, "`" + text + "`", "an integer >= " + std::to_string(minimum));
  return *value;
}

double real_flag(const std::string& flag, const std::string& text) {
  const auto value = parse_real(text);
  if (!value) throw UsageError(flag, "`" + text + "`", "a real number");
  return *value;
}

int CommonFlags::thread_count() const {
  if (threads) return static_cast<int>(*threads);
  return static_cast<int>(available_threads());
}

DataRequest CommonFlags::data_request(Protocol protocol) const {
  DataRequest request;
  request.protocol = protocol;
  request.folder = data_dir;
  request.source = source.value_or(request.source);
  request.seed = seed.value_or(request.seed);
  request.dtype = dtype.value_or(request.dtype);
  request.device = device.value_or(request.device);
  return request;
}

const FlagNames& common_flag_names() {
  static const FlagNames names = [] {
    CommonFlags unused;
    FlagNames all = {"--plugin-path"};
    for (const CommonFlag& flag : table_of(unused)) all.push_back(flag.name);
    return all;
  }();
  return names;
}

FlagNames pass_flags() {
  FlagNames names = common_flag_names();
  names.erase(std::remove(names.begin(), names.end(), "--output"), names.end());
  return names;
}

void attach_common_flags(CLI::App& verb, CommonFlags& flags, const FlagNames& names) {
  const auto wanted = [&](const std::string& name) { return std::count(names.begin(), names.end(), name) > 0; };
  if (wanted("--plugin-path"))
    verb.add_option("--plugin-path", flags.plugin_path, "look for plugins in this folder first; may be repeated")
        ->type_name("DIR")
        ->group("Common flags")
        ->allow_extra_args(false);
  for (const CommonFlag& flag : table_of(flags))
    if (wanted(flag.name))
      verb.add_option_function<std::string>(flag.name, flag.read, flag.doc)->type_name(flag.type)->group("Common flags");
}

void warn_of_threads(int64_t threads) {
  if (threads > available_threads())
    log::warn(std::to_string(threads) + " threads on " + std::to_string(available_threads()) +
              " cores: they wait for one another");
}

}  // namespace backobs
