// SPDX-License-Identifier: MIT
#include "campaign/run_parts.h"

#include "campaign/attribution.h"
#include "campaign/instances.h"
#include "campaign/training_state.h"

namespace backobs {

RunParts::RunParts(const RunSettings& run_settings, const Registry& registry)
    : settings(run_settings), random(run_settings.seed) {
  {
    const AtWork mark("problem", settings.problem.name, "set-up");
    problem = registry.make_problem(settings.problem.name, settings.problem.options);
    loss = problem->loss();
    data = problem->data(settings.data_request());
    network = std::make_unique<Network>(problem->network(random));
  }
  check_batch_size(*data, settings);
  network->to(settings.scalar_type(), c10::Device(settings.device));
  if (!settings.init.empty()) load_initial(settings.init, *network);
  pass = std::make_unique<Pass>(*network, loss, pass_settings(settings, problem));
  {
    const AtWork mark("runner", settings.runner.name, "prepare");
    runner = registry.make_runner(settings.runner.name, settings.runner.options);
    runner->prepare(network->parameters());
  }
  watched = watched_by(settings, registry, *pass);
  wanted = wanted_by(*runner, settings, registry, *pass);
}

}  // namespace backobs
