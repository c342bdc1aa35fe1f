// SPDX-License-Identifier: MIT
#pragma once

#include "cli/context.h"

/// One function per verb, each in the file of its name. `context` outlives every action.
namespace backobs {

void add_list(CLI::App& app, Context& context);
void add_describe(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_train(CLI::App& app, Context& context);
void add_extend(CLI::App& app, Context& context);
void add_bench(CLI::App& app, Context& context);
void add_data(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_clean(CLI::App& app, Context& context);
void add_schema(CLI::App& app, Context& context);
void add_new(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);

}  // namespace backobs
