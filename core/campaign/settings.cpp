// SPDX-License-Identifier: MIT
#include "campaign/settings.h"

#include <backobs/error.h>

#include "campaign/reduction.h"
#include "files/checksum.h"
#include "host/threads.h"

#include <ATen/Context.h>

#include <algorithm>

namespace backobs {
namespace {

constexpr uint64_t kLargestInit = uint64_t{1} << 40;

void check_schedule(const LoopSettings& loop, const std::string& where) {
  const auto& epochs = loop.lr_sched_epochs;
  if (epochs.size() != loop.lr_sched_factors.size())
    throw ConfigError(where,
                      std::to_string(epochs.size()) + " lr_sched_epochs and " +
                          std::to_string(loop.lr_sched_factors.size()) + " lr_sched_factors",
                      "as many factors as epochs");
  if (std::adjacent_find(epochs.begin(), epochs.end(), std::greater_equal<>()) != epochs.end())
    throw ConfigError(where, "lr_sched_epochs = " + to_text(Option::Value(epochs)), "increasing epochs");
}

void check_device(const std::string& device, const std::string& where) {
  try {
    const c10::Device parsed(device);
    if (parsed.is_cpu() || (parsed.is_cuda() && at::hasCUDA())) return;
  } catch (const c10::Error&) {
  }
  throw ConfigError(where, "device `" + device + "`",
                    at::hasCUDA() ? "cpu or cuda" : "cpu (this LibTorch or machine has no other)");
}

std::string digest_of(const std::filesystem::path& init, const std::string& where) {
  if (init.empty()) return "";
  try {
    return content_checksum(init, Digest::sha256, kLargestInit);
  } catch (const DataError& e) {
    throw ConfigError(where + ": init " + e.where(), e.found(), e.wanted());
  }
}

}  // namespace

double LoopSettings::rate_factor(int64_t epoch) const {
  double factor = 1;
  for (std::size_t i = 0; i < lr_sched_epochs.size(); ++i)
    if (lr_sched_epochs[i] <= epoch) factor = lr_sched_factors[i];
  return factor;
}

c10::ScalarType RunSettings::scalar_type() const { return dtype == "float64" ? c10::kDouble : c10::kFloat; }

DataRequest RunSettings::data_request() const {
  DataRequest request;
  request.source = source;
  request.protocol = protocol;
  request.folder = data_folder;
  request.seed = seed;
  request.dtype = scalar_type();
  request.device = c10::Device(device);
  return request;
}

Schema loop_schema(const ProblemFacts& facts) {
  return {
      Option::integer("epochs", facts.epochs, "epochs of training").at_least(0),
      Option::integer("batch_size", facts.batch_size, "samples per mini-batch, in all four sets").at_least(1),
      Option::real("l2_reg", facts.l2_reg, "weight penalty (l2_reg/2) |w|^2 over regularised parameters").at_least(0),
      Option::integers("lr_sched_epochs", {}, "epochs from which the matching factor applies").at_least(0),
      Option::reals("lr_sched_factors", {}, "factors on the base learning rate, not cumulative").greater_than(0),
      Option::integer("log_interval", 10, "steps between logged mini-batch losses, anew each epoch").at_least(1),
      Option::integer("max_steps", 0, "steps after which an epoch ends; 0: with its data").at_least(0),
      Option::real("max_time", 0, "seconds of training after which the run ends; 0: never").at_least(0),
      Option::integer("patience", 0, "epochs without a better validation loss after which the run ends; 0: never")
          .at_least(0)};
}

Schema instance_schema() {
  return {Option::text("as", "", "name in every key instead of the extension's own"),
          Option::integer("every", 1, "due at global steps 0, k, 2k, ...").at_least(1),
          Option::text("budget", "", "in place of every: share of the training's time it may take, as 10%"),
          Option::texts("record", {}, "reductions that go to the metrics log; none: shapes are logged")
              .one_of(record_names()),
          Option::text("save", "nothing", "whether tensors go to files").one_of({"nothing", "tensors"})};
}

Schema environment_schema() {
  return {
      Option::text("source", "real", "where data come from").one_of({"real", "synthetic"}),
      Option::text("protocol", "deepobs", "how sets are drawn and evaluated").one_of({"deepobs", "strict"}),
      Option::text("penalty", "include", "whether quantities carry the weight penalty").one_of({"include", "exclude"}),
      Option::text("init", "", "file of parameters to start from; empty: the problem's own draws"),
      Option::text("dtype", "float32", "number type").one_of({"float32", "float64"}),
      Option::text("device", "cpu", "where tensors live"),
      Option::integer("threads", available_threads(), "threads of a run").at_least(1).at_most(kMostThreads),
      Option::text("data_dir", "", "data folder; empty: the usual places"),
      Option::integer("seeds", 42, "decides initialisation, orders and every draw").at_least(0)};
}

Options only(const Schema& schema, const Options& values) {
  std::map<std::string, Option::Value> own;
  for (const auto& name : schema.names()) own[name] = values.values().at(name);
  return Options(std::move(own));
}

LoopSettings loop_settings(const Options& values, bool l2_reg_given, const std::string& where) {
  LoopSettings loop;
  loop.epochs = values.integer("epochs");
  loop.batch_size = values.integer("batch_size");
  loop.l2_reg = values.real("l2_reg");
  loop.l2_reg_given = l2_reg_given;
  loop.lr_sched_epochs = values.integers("lr_sched_epochs");
  loop.lr_sched_factors = values.reals("lr_sched_factors");
  loop.log_interval = values.integer("log_interval");
  loop.max_steps = values.integer("max_steps");
  loop.max_time = values.real("max_time");
  loop.patience = values.integer("patience");
  check_schedule(loop, where);
  return loop;
}

void set_environment(RunSettings& settings, const Options& values, const PlaceOf& where) {
  check_device(values.text("device"), where("device"));
  settings.source = values.text("source") == "synthetic" ? Source::synthetic : Source::real;
  settings.protocol = values.text("protocol") == "strict" ? Protocol::strict : Protocol::deepobs;
  settings.penalty_in_quantities = values.text("penalty") == "include";
  settings.init = values.text("init");
  settings.init_digest = digest_of(settings.init, where("init"));
  settings.dtype = values.text("dtype");
  settings.device = values.text("device");
  settings.threads = values.integer("threads");
  settings.data_folder = values.text("data_dir");
  settings.seed = static_cast<uint64_t>(values.integer("seeds"));
}

}  // namespace backobs
