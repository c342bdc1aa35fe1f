// SPDX-License-Identifier: MIT
#include "cli/pass_setup.h"

#include "campaign/attribution.h"
#include "files/comma_list.h"
#include "host/at_work.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include <algorithm>
#include <map>

namespace backobs {
namespace {

/// The values of `--set`, by plugin.
class OptionsToSet {
 public:
  /// Aliases of extensions are resolved; what is neither the problem nor one of the extensions is an error.
  OptionsToSet(Context& context, const std::vector<std::string>& settings, const std::string& problem,
                 const std::vector<std::string>& extensions) {
    auto known = extensions;
    known.insert(known.begin(), problem);
    for (const auto& setting : settings) {
      const auto equals = setting.find('='), dot = setting.substr(0, equals).find('.');
      if (equals == std::string::npos || dot == std::string::npos)
        throw UsageError("--set", "`" + setting + "`", "PLUGIN.OPTION=VALUE");
      const auto plugin = canonical(context, setting.substr(0, dot), known);
      values_[plugin][setting.substr(dot + 1, equals - dot - 1)] = setting.substr(equals + 1);
    }
  }

  Options of(Context& context, const std::string& kind, const std::string& plugin) const {
    const auto schema = context.registry().schema(kind, plugin);
    std::map<std::string, RawValue> raw;
    if (const auto found = values_.find(plugin); found != values_.end())
      for (const auto& [name, value] : found->second) raw[name] = {{value}, false, false, "--set"};
    return from_command_line([&] { return schema.check(raw, kind + " `" + plugin + "`", "--set"); });
  }

 private:
  static std::string canonical(Context& context, const std::string& name, const std::vector<std::string>& known) {
    if (std::count(known.begin(), known.end(), name)) return name;
    for (const auto& plugin : context.registry().list("extension"))
      if (const auto& also = plugin.manifest.aliases; std::count(also.begin(), also.end(), name) &&
                                                      std::count(known.begin(), known.end(), plugin.manifest.name))
        return plugin.manifest.name;
    throw UsageError("--set", "`" + name + "`", "the problem or an extension of this pass: " + comma_list(known), nearest_name(name, known));
  }

  std::map<std::string, std::map<std::string, std::string>> values_;
};

std::vector<std::string> names_of(Context& context, const std::vector<std::string>& wished) {
  if (wished != std::vector<std::string>{"all"} && !wished.empty()) return context.extensions(wished);
  std::vector<std::string> names;
  for (const auto& plugin : context.registry().list("extension")) names.push_back(plugin.manifest.name);
  return names;
}

PassSettings settings_of(const std::shared_ptr<Problem>& problem) {
  PassSettings settings;
  settings.l2_reg = problem->facts().l2_reg;
  settings.is_regularised = [problem](const std::string& name) { return problem->is_regularised(name); };
  return settings;
}

/// The first samples of the training set in this order.
Batch first_batch(const DataSource& data, const Random& random, int64_t batch_size) {
  auto indices = data.order(Phase::train, random);
  if (static_cast<int64_t>(indices.size()) < batch_size)
    throw UsageError("--batch-size", std::to_string(batch_size), "at most " + std::to_string(indices.size()) + ", the training set");
  indices.resize(static_cast<std::size_t>(batch_size));
  return data.batch(Phase::train, indices, random);
}

}  // namespace

void add_pass_flags(CLI::App& verb, PassWish& wish) {
  verb.add_option("problem", wish.problem, "problem plugin")->required()->type_name("PROBLEM");
  verb.add_option("--extensions", wish.extensions, "these quantities, or all (the default)")->type_name("NAME,...")->delimiter(',');
  verb.add_option("--set", wish.settings, "an option of the problem or of an extension; may be repeated")
      ->type_name("PLUGIN.OPTION=VALUE")->allow_extra_args(false);
}

std::unique_ptr<PassSetup> set_up_pass(Context& context, const PassWish& wish) {
  tell_of_crashes();
  warn_of_threads(context.flags.thread_count());
  const auto name = context.plugin("problem", wish.problem).manifest.name;
  const auto extensions = names_of(context, wish.extensions);
  const OptionsToSet settings(context, wish.settings, name, extensions);
  const std::shared_ptr<Problem> problem = context.registry().make_problem(name, settings.of(context, "problem", name));
  const auto request = context.flags.data_request();
  const Random random(request.seed);
  const auto batch_size = context.flags.batch_size.value_or(problem->facts().batch_size);
  auto setup = std::unique_ptr<PassSetup>(new PassSetup{
      name, request, random, {}, problem->network(random), first_batch(*problem->data(request), random, batch_size), nullptr});
  setup->network.to(request.dtype, request.device);
  setup->pass = std::make_unique<Pass>(setup->network, problem->loss(), settings_of(problem));
  for (const auto& plugin : extensions) {
    const auto options = settings.of(context, "extension", plugin);
    setup->extensions.push_back({plugin, attributed(plugin, context.registry().make_extension(plugin, options))});
    setup->extensions.back().extension->prepare({name, setup->pass->parameters()});
  }
  for (const auto& refusal : setup->pass->refusals(setup->extensions, batch_size))
    log::warn(refusal.quantity + " of " + refusal.parameter + " is left out: " + refusal.reason);
  return setup;
}

}  // namespace backobs
