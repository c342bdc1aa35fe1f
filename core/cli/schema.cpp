// SPDX-License-Identifier: MIT
#include "campaign/json_schema.h"
#include "cli/print.h"
#include "cli/verbs.h"

namespace backobs {

void add_schema(CLI::App& app, Context& context) {
  CLI::App& verb = add_verb(app, context, "schema", "Prints a JSON schema of experiment files for the plugins that are here.",
                            [&context] {
                              print(experiment_schema(context.registry()));
                              return ExitCode::done;
                            }, {"--plugin-path"});
  verb.footer("For editors: backobs schema > backobs.schema.json, and in the file\n"
              "# yaml-language-server: $schema=backobs.schema.json");
}

}  // namespace backobs
