// SPDX-License-Identifier: MIT
#include <backobs/data_files.h>
#include <backobs/error.h>

#include "files/comma_list.h"
#include "files/user_folders.h"

#include <cstdlib>
#include <system_error>
#include <vector>

namespace backobs {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders_of(const DataRequest& request) {
  if (!request.folder.empty()) return {request.folder};
  std::vector<fs::path> folders;
  const char* named = std::getenv("BACKOBS_DATA");
  if (named && *named) folders.emplace_back(named);
  folders.emplace_back("data");
  if (const auto own = user_data_folder(); !own.empty()) folders.push_back(own);
  return folders;
}

}  // namespace

fs::path data_file(const std::string& name, const DataRequest& request, const std::string& how_to_get) {
  std::vector<std::string> places;
  for (const auto& folder : folders_of(request)) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / name, ignored)) return folder / name;
    places.push_back(folder.string());
  }
  throw DataError("data file `" + name + "`", "no such file in " + comma_list(places), how_to_get);
}

}  // namespace backobs
