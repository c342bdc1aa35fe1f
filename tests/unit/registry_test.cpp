// SPDX-License-Identifier: MIT
#include <backobs/abi.h>
#include <backobs/error.h>
#include <backobs/plugin_manifest.h>

#include "host/registry.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

const fs::path kBuilt = fs::path(BACKOBS_BUILD_DIR) / "bad_plugins";

/// A folder with copies of some of the plugins built to be bad, and "sound", which is not.
class Folder {
 public:
  explicit Folder(const std::vector<std::string>& names) {
    for (const auto& name : names) add(name, name);
  }
  fs::path add(const std::string& name, const std::string& as) {
    const fs::path file = path() / (as + ".so");
    fs::copy_file(kBuilt / (name + ".so"), file);
    return file;
  }
  void write(const std::string& file, const std::string& text) { folder_.write(file, {text.begin(), text.end()}); }
  const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

/// Why `name`.so beside a sound plugin is refused; checks that the sound one still works.
std::string refusal(Folder& folder, const std::string& name) {
  if (!fs::exists(folder.path() / "sound.so")) folder.add("sound", "sound");
  const Registry registry({folder.path()});
  EXPECT_EQ(registry.find("extension", "sound", "").manifest.summary, "Computes nothing, soundly");
  if (registry.refused().size() != 1) return std::to_string(registry.refused().size()) + " files were refused";
  EXPECT_EQ(registry.refused()[0].file, folder.path() / (name + ".so"));
  return registry.refused()[0].reason;
}
std::string refusal_of_built(const std::string& name) {
  Folder folder({name});
  return refusal(folder, name);
}
std::string refusal_of_bytes(const std::string& bytes) {
  Folder folder({});
  folder.write("x.so", bytes);
  return refusal(folder, "x");
}

template <typename Thrown, typename Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const Thrown& e) {
    return e.what();
  }
  return "no complaint";
}
/// What using one plugin of a folder complains about. The file is accepted by its manifest.
std::string complaint_when_made(const std::string& name, bool only_schema = false,
                                const std::string& kind = "extension") {
  const Folder folder({name, "sound"});
  const Registry registry({folder.path()});
  EXPECT_TRUE(registry.refused().empty());
  const std::string text = complaint<PluginError>([&] {
    const Options options = registry.schema(kind, name).check({}, name, "");
    if (!only_schema) registry.make_extension(name, options);
  });
  EXPECT_NE(registry.make_extension("sound", registry.schema("extension", "sound").check({}, "sound", "")), nullptr);
  const std::string head = kind + " `" + name + "` (" + (folder.path() / (name + ".so")).string() + "): ";
  EXPECT_EQ(text.substr(0, head.size()), head);
  return text.size() > head.size() ? text.substr(head.size()) : text;
}

TEST(Registry, ReadsASoundPluginWithoutLoadingIt) {
  const Folder folder({"sound"});
  const Registry registry({folder.path()});
  ASSERT_EQ(registry.list("extension").size(), 1u);
  const Manifest manifest = registry.list("extension")[0].manifest;
  EXPECT_EQ(manifest.kind, "extension");
  EXPECT_EQ(manifest.name, "sound");
  EXPECT_EQ(manifest.version, BACKOBS_VERSION);
  EXPECT_EQ(manifest.aliases, (std::vector<std::string>{"SoundAlias", "SecondAlias"}));
  EXPECT_TRUE(registry.list("problem").empty());
  EXPECT_TRUE(registry.refused().empty());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) EXPECT_EQ(line.find(folder.path().string()), std::string::npos);
}

TEST(Registry, LoadsByNameAndAlias) {
  const Folder folder({"sound"});
  const Registry registry({folder.path()});
  const Schema schema = registry.schema("extension", "SecondAlias");
  EXPECT_EQ(schema.names(), std::vector<std::string>{"level"});
  const auto made = registry.make_extension("SoundAlias", schema.check({}, "sound", ""));
  ASSERT_NE(made, nullptr);
  EXPECT_TRUE(made->needs().empty());
}

TEST(Registry, NamesTheNearestAndTheKnown) {
  const Folder folder({"sound", "other_torch"});
  const Registry registry({folder.path()});
  EXPECT_EQ(complaint<ConfigError>([&] { registry.find("extension", "sund", "a.yaml:4:9"); }),
            "a.yaml:4:9: found extension `sund`, wanted a known extension; did you mean `sound`?");
  EXPECT_EQ(complaint<ConfigError>([&] { registry.find("extension", "kfac_of_another_world", ""); }),
            "found extension `kfac_of_another_world`, wanted a known extension (sound)");
  EXPECT_EQ(complaint<ConfigError>([&] { registry.find("problem", "sound", ""); }),
            "found problem `sound`, wanted a known problem (`sound` is of kind extension)");
  const std::string refused = complaint<PluginError>([&] { registry.find("extension", "other_torch", "a.yaml:4:9"); });
  EXPECT_NE(refused.find("a.yaml:4:9: extension `other_torch` cannot be used: "), std::string::npos) << refused;
  EXPECT_NE(refused.find("libtorch: found 0.4.1, wanted " BACKOBS_TORCH_VERSION), std::string::npos) << refused;
}

TEST(Registry, RefusesFieldByField) {
  EXPECT_EQ(refusal_of_built("other_torch"), "libtorch: found 0.4.1, wanted " BACKOBS_TORCH_VERSION
                                             "; sonames: found libcaffe2.so.1, wanted " BACKOBS_TORCH_SONAMES);
  EXPECT_EQ(refusal_of_built("other_interface"),
            "interface: found 999, wanted " + std::to_string(BACKOBS_INTERFACE_extension));
  const int abi = _GLIBCXX_USE_CXX11_ABI;
  EXPECT_EQ(refusal_of_built("other_abi"),
            "cxx11_abi: found " + std::to_string(1 - abi) + ", wanted " + std::to_string(abi));
}

TEST(Registry, RefusesBadManifests) {
  EXPECT_EQ(refusal_of_built("no_manifest"), "found a shared library without manifest, wanted a BackOBS plugin");
  EXPECT_EQ(refusal_of_built("malformed_manifest"), "found a malformed manifest, wanted a JSON object");
  EXPECT_EQ(refusal_of_built("large_manifest"), "found a manifest of 70000 bytes, wanted at most 65536");
  EXPECT_EQ(refusal_of_built("unknown_kind"), "found kind `optimiser`, wanted problem, extension, runner or layer");
  EXPECT_EQ(refusal_of_built("other_name"), "found name `../elsewhere`, wanted small letters, digits and _");
  Folder folder({});
  folder.add("sound", "renamed");
  EXPECT_EQ(refusal(folder, "renamed"), "found name `sound`, wanted the file's stem `renamed`");
}

TEST(Registry, RefusesFilesThatAreNoLibraries) {
  EXPECT_EQ(refusal_of_bytes("just a text\n"), "found a file that is not ELF, wanted an ELF shared library");
  EXPECT_EQ(refusal_of_bytes(""), "found an empty file, wanted an ELF shared library");
  Folder folder({});
  fs::create_directory(folder.path() / "x.so");
  EXPECT_EQ(refusal(folder, "x"), "found something that is not a regular file, wanted a plugin");
}

TEST(Registry, RefusesEveryCut) {
  const auto whole = fs::file_size(kBuilt / "other_torch.so");
  for (const auto size : {uintmax_t{3}, uintmax_t{20}, uintmax_t{100}, whole / 4, whole / 2, whole - 4096, whole - 1}) {
    Folder folder({"sound"});
    fs::resize_file(folder.add("other_torch", "cut"), size);
    EXPECT_EQ(refusal(folder, "cut").rfind("found a truncated file of " + std::to_string(size) + " bytes", 0), 0u)
        << size;
  }
}

TEST(Registry, KeepsTheFirstOfTwo) {
  const Folder first({"sound"}), second({"sound"});
  const Registry registry({first.path(), second.path()});
  EXPECT_EQ(registry.find("extension", "sound", "").file, first.path() / "sound.so");
  ASSERT_EQ(registry.refused().size(), 1u);
  EXPECT_EQ(registry.refused()[0].file, second.path() / "sound.so");
  EXPECT_EQ(registry.refused()[0].reason,
            "duplicate: found extension `sound`, which " + (first.path() / "sound.so").string() + " already is");
}

TEST(Registry, RefusesWhatEverybodyMayWrite) {
  Folder folder({"sound"});
  fs::permissions(folder.add("missing_entry", "missing_entry"), fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(refusal(folder, "missing_entry"), "permissions: found writable by everybody, wanted by its owner only");
  fs::permissions(folder.path(), fs::perms::others_write, fs::perm_options::add);
  const Registry registry({folder.path()});
  EXPECT_TRUE(registry.list("extension").empty());
  ASSERT_EQ(registry.refused().size(), 1u);
  EXPECT_EQ(registry.refused()[0].file, folder.path());
  setenv("BACKOBS_TRUST_ALL_PLUGINS", "1", 1);
  const Registry trusting({folder.path()});
  unsetenv("BACKOBS_TRUST_ALL_PLUGINS");
  EXPECT_EQ(trusting.list("extension").size(), 2u);
}

TEST(Registry, RefusesWhatAStrangerOwns) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  Folder folder({});
  ASSERT_EQ(chown(folder.add("missing_entry", "missing_entry").c_str(), 54321, 54321), 0);
  EXPECT_EQ(refusal(folder, "missing_entry"), "owner: found user 54321, wanted root or user 0");
}

TEST(Registry, BlamesThePluginAndThePhase) {
  EXPECT_EQ(complaint_when_made("missing_entry"),
            "found no exported function `backobs_plugin`, wanted one, from a macro of backobs/plugin.h");
  EXPECT_EQ(complaint_when_made("null_entry"), "found no entry, wanted a PluginEntry");
  EXPECT_EQ(complaint_when_made("other_entry_size").rfind("found an entry of 8 bytes, wanted ", 0), 0u);
  EXPECT_EQ(complaint_when_made("other_kind", true, "problem"),
            "found an entry without schema or factory, wanted both, as its manifest says problem");
  EXPECT_EQ(complaint_when_made("throws_at_load"), "threw `not today` in backobs_plugin()");
  EXPECT_EQ(complaint_when_made("throws_in_schema"), "threw something that is no exception in schema()");
  EXPECT_EQ(complaint_when_made("throws_in_factory"), "threw `no memory of why` when it was made");
  EXPECT_EQ(complaint_when_made("bad_default"), "found default of option `draws` = 0, wanted integer >= 1");
  const std::string unresolved = complaint_when_made("unresolved_symbol");
  EXPECT_EQ(unresolved.rfind("cannot be loaded: ", 0), 0u) << unresolved;
  EXPECT_NE(unresolved.find("undefined symbol: backobs_nobody_defines_this"), std::string::npos) << unresolved;
}

TEST(SearchPath, PutsTheNamedFoldersFirstAndSkipsMissingOnes) {
  const Folder named({}), environment({});
  setenv("BACKOBS_PLUGIN_PATH",
         ("/nowhere/at/all::" + environment.path().string() + ":" + named.path().string()).c_str(), 1);
  const auto folders = plugin_search_path({named.path()});
  unsetenv("BACKOBS_PLUGIN_PATH");
  ASSERT_GE(folders.size(), 2u);
  EXPECT_EQ(folders[0], named.path());
  EXPECT_EQ(folders[1], environment.path());
  for (std::size_t i = 2; i < folders.size(); ++i) EXPECT_NE(folders[i], named.path());
  EXPECT_EQ(complaint<UsageError>([] { plugin_search_path({"/nowhere/at/all"}); }),
            "--plugin-path: found `/nowhere/at/all`, wanted a folder that exists");
}

}  // namespace
}  // namespace backobs
