// SPDX-License-Identifier: MIT
// Plugins that do harm as soon as they are loaded: the program names each with its reason, remembers it, and everything
// else keeps working.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::Answer;
using testing::TemporaryFolder;

const fs::path kBuilt = fs::path(BACKOBS_BUILD_DIR) / "bad_plugins";

/// A user with a cache of its own and a folder of plugins, who has copied the program's own plugins nowhere.
class User {
 public:
  explicit User(const std::vector<std::string>& plugins) {
    fs::create_directories(folder_.path() / "plugins");
    fs::create_directories(folder_.path() / "elsewhere");
    for (const auto& name : plugins) fs::copy(kBuilt / (name + ".so"), plugin(fs::path(name).filename()));
  }
  fs::path plugin(const std::string& name) const { return folder_.path() / "plugins" / (name + ".so"); }
  fs::path verdicts() const { return folder_.path() / "cache/backobs/plugin-verdicts"; }
  const fs::path& folder() const { return folder_.path(); }

  Answer backobs(const std::string& arguments, const std::string& variables = "") const {
    return testing::backobs_with("XDG_CACHE_HOME='" + (folder() / "cache").string() + "' " + variables, folder(), arguments);
  }
  /// What the doctor says of the refused files, by stem.
  std::map<std::string, nlohmann::json> refused(const std::string& arguments = "", const std::string& variables = "") const {
    const auto answer = backobs("doctor --json " + arguments, variables);
    EXPECT_EQ(answer.code, 0) << answer.err;
    std::map<std::string, nlohmann::json> result;
    const auto document = nlohmann::json::parse(answer.out);
    for (const auto& entry : document["refused"])
      result[fs::path(entry["file"].get<std::string>()).stem()] = entry;
    return result;
  }

 private:
  TemporaryFolder folder_;
};

std::string reason(const std::map<std::string, nlohmann::json>& refused, const std::string& name) {
  const auto found = refused.find(name);
  return found == refused.end() ? "not refused" : found->second["reason"].get<std::string>();
}

TEST(FirstLook, RefusesWhatDoesHarmAtLoad) {
  const User user({"at_load/aborts", "at_load/exits", "at_load/crashes", "at_load/hangs", "at_load/prints",
                   "at_load/throws", "at_load/lacks_a_library", "throws_at_load", "unresolved_symbol", "missing_entry", "sound"});
  const auto refused = user.refused("", "BACKOBS_PLUGIN_TIMEOUT=2 ");
  const std::string wanted = ", wanted a library that only answers questions";
  EXPECT_EQ(reason(refused, "aborts"), "found a crash while it was loaded (signal 6 (Aborted))" + wanted);
  // Whether an exception finds its way through the loader is the unwinder's choice, which the linked libraries decide.
  if (reason(refused, "throws") != "threw `too early` while loading") {
    EXPECT_EQ(reason(refused, "throws"), "found a crash while it was loaded (signal 6 (Aborted))" + wanted);
  }
  EXPECT_EQ(reason(refused, "crashes"), "found a crash while it was loaded (signal 11 (Segmentation fault))" + wanted);
  EXPECT_EQ(reason(refused, "exits"), "found a call of exit(0) while it was loaded" + wanted);
  EXPECT_EQ(reason(refused, "hangs"), "found a load that lasts longer than 2 s" + wanted);
  EXPECT_EQ(reason(refused, "prints"),
            "found 6 bytes written to stdout while it was loaded, wanted none: results go there");
  for (const auto* name : {"aborts", "crashes", "exits", "hangs", "prints"}) {
    EXPECT_TRUE(refused.at(name)["quarantined"]) << name;
    EXPECT_NE(refused.at(name)["advice"].get<std::string>().find("--clear-quarantine"), std::string::npos) << name;
  }
  EXPECT_EQ(reason(refused, "throws_at_load"), "threw `not today` in backobs_plugin()");
  EXPECT_EQ(reason(refused, "missing_entry").rfind("found no exported function", 0), 0u);
  EXPECT_NE(reason(refused, "unresolved_symbol").find("undefined symbol: backobs_nobody_defines_this"), std::string::npos);
  EXPECT_EQ(reason(refused, "lacks_a_library").rfind("cannot be loaded: libbackobs_absent.so: cannot open", 0), 0u)
      << reason(refused, "lacks_a_library");
  for (const auto* name : {"throws_at_load", "missing_entry", "unresolved_symbol", "lacks_a_library"})
    EXPECT_FALSE(refused.at(name)["quarantined"]) << name;
  EXPECT_EQ(refused.size(), 10u);

  // The rest keeps working, and what is in quarantine is not tried again: the hanging one would take its time.
  const auto list = user.backobs("list extensions --json");
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_NE(list.out.find("\"sound\""), std::string::npos);
  EXPECT_NE(list.out.find("\"variance\""), std::string::npos);
  EXPECT_NE(list.err.find("aborts.so was refused: found a crash"), std::string::npos) << list.err;
  const auto used = user.backobs("describe extension exits");
  EXPECT_EQ(used.code, 4);
  EXPECT_NE(used.err.find("exits.so was refused (found a call of exit(0)"), std::string::npos) << used.err;
}

TEST(FirstLook, IsRememberedUntilTheFileChangesOrQuarantineIsCleared) {
  const User user({"at_load/exits", "sound"});
  EXPECT_EQ(user.refused().size(), 1u);
  const std::string first = testing::text_of(user.verdicts());
  EXPECT_NE(first.find("quarantined\t"), std::string::npos);
  EXPECT_EQ(user.refused().size(), 1u);
  EXPECT_EQ(testing::text_of(user.verdicts()), first);

  // As if it had been sound: believed for this state of the file, not for the next.
  auto lies = first;
  lies.replace(lies.find("quarantined\t"), std::string("quarantined\t").size(), "sound\t");
  std::ofstream(user.verdicts(), std::ios::binary) << lies;
  EXPECT_TRUE(user.refused().empty());
  fs::last_write_time(user.plugin("exits"), fs::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(user.refused().size(), 1u);

  const auto cleared = user.backobs("doctor --clear-quarantine '" + user.plugin("exits").string() + "'");
  EXPECT_EQ(cleared.code, 0) << cleared.err;
  EXPECT_NE(cleared.err.find("1 file was in quarantine"), std::string::npos) << cleared.err;
  EXPECT_NE(cleared.out.find("exits.so"), std::string::npos);  // looked at again, with the same end
  EXPECT_EQ(user.backobs("doctor --clear-quarantine sound.so").code, 2);
  fs::copy(kBuilt / "other_torch.so", user.plugin("exits"), fs::copy_options::overwrite_existing);
  EXPECT_EQ(reason(user.refused("--clear-quarantine"), "exits").rfind("found name `other_torch`", 0), 0u);
}

TEST(FirstLook, WorksWithoutAUsableCache) {
  const User user({"at_load/aborts", "sound"});
  for (const auto* content : {"", "no verdicts\n", "backobs verdicts 1\nsound\t\t\n\t\t\t\t\t\t\t\t\nsound"}) {
    fs::create_directories(user.verdicts().parent_path());
    std::ofstream(user.verdicts(), std::ios::binary) << content;
    EXPECT_EQ(user.refused().size(), 1u) << content;
  }
  fs::remove_all(user.verdicts());
  fs::create_directories(user.verdicts() / "in the way");
  EXPECT_EQ(user.refused().size(), 1u);
  EXPECT_EQ(user.backobs("list extensions").code, 0);
}

}  // namespace
}  // namespace backobs
