// SPDX-License-Identifier: MIT
#include "cli/plugin_kind.h"
#include "cli/print.h"
#include "cli/templates.h"
#include "cli/verbs.h"
#include "files/comma_list.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

namespace backobs {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLongestName = 60;

struct NewOptions {
  std::string kind, name;
  fs::path folder;
};

/// A name that is a file's stem, a C++ identifier and a word in YAML.
void check_name(const std::string& name) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  bool fine = !name.empty() && name.size() <= kLongestName && name[0] >= 'a' && name[0] <= 'z' && name.back() != '_' &&
              name.find("__") == std::string::npos;
  for (const char c : name) fine = fine && is_word(c);
  if (!fine)
    throw UsageError("backobs new", "name `" + name + "`",
                     "small letters, digits and single _ between them, a letter first, at most " +
                         std::to_string(kLongestName));
}

void check_not_taken(const Registry& registry, const std::string& kind, const std::string& name) {
  for (const auto& plugin : registry.list(kind)) {
    std::vector<std::string> names = plugin.manifest.aliases;
    names.push_back(plugin.manifest.name);
    for (const auto& known : names)
      if (known == name)
        throw UsageError("backobs new", kind + " `" + name + "`, which " + plugin.file.string() + " already is",
                         "a new name");
  }
}

void check_folder(const fs::path& folder) {
  std::error_code error;
  const auto status = fs::status(folder, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) throw UsageError("--dir", folder.string() + ", a file", "a folder that is new or empty");
  if (!fs::is_empty(folder, error) || error)
    throw UsageError("--dir", folder.string() + ", which holds files", "a folder that is new or empty");
}

/// "gradient_diversity" -> "GradientDiversity".
std::string camel_case(const std::string& name) {
  std::string text;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') text += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == '_';
  }
  return text;
}

/// Where this program is installed, for CMAKE_PREFIX_PATH.
std::string own_prefix() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path().parent_path().string();
}

std::string replaced(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [word, value] : words)
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
      text.replace(at, word.size(), value);
  return text;
}

/// The files of a new project, by path. One that both the common part and the kind have is joined.
std::map<std::string, std::string> project_files(const std::string& kind, const std::string& name) {
  const std::string camel = camel_case(name), suffix = kind == "layer" ? "Rule" : camel_case(kind);
  const std::map<std::string, std::string> words = {{"@name@", name},   {"@Name@", camel},
                                                    {"@kind@", kind},   {"@Class@", camel + suffix},
                                                    {"@prefix@", own_prefix()}};
  std::map<std::string, std::string> files;
  for (const char* folder : {"project", kind.c_str()})
    for (const Template& file : templates())
      if (file.folder == std::string(folder))
        files[replaced(file.path, {{"plugin", name}})] += replaced(file.text, words);
  return files;
}

void write_file(const fs::path& file, const std::string& text) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw Error(ExitCode::some_runs_failed, file.string(), "a file that cannot be written");
}

ExitCode create(Context& context, NewOptions options) {
  const std::string kind = plugin_kind(options.kind, "backobs new");
  check_name(options.name);
  check_not_taken(context.registry(), kind, options.name);
  if (options.folder.empty()) options.folder = options.name;
  check_folder(options.folder);
  const auto files = project_files(kind, options.name);
  for (const auto& [path, text] : files) write_file(options.folder / path, text);
  std::string answer;
  for (const auto& [path, text] : files) answer += (options.folder / path).string() + "\n";
  print(answer);
  return ExitCode::done;
}

}  // namespace

void add_new(CLI::App& app, Context& context) {
  auto options = std::make_shared<NewOptions>();
  CLI::App& verb = add_verb(app, context, "new", "Write a small, complete project of a plugin of your own",
                            [&context, options] { return create(context, *options); }, {"--plugin-path"});
  verb.add_option("kind", options->kind, "problem, extension, runner or layer")->type_name("KIND")->required();
  verb.add_option("name", options->name, "its name, the stem of everything")->type_name("NAME")->required();
  verb.add_option("--dir", options->folder, "the project's folder, new or empty (default: ./NAME)")->type_name("DIR");
  verb.footer("It computes something real and has a test, a README that says how to build it, and a recipe for CI.\n"
              "Change it from there.");
}

}  // namespace backobs
