// SPDX-License-Identifier: MIT
#include "data/pt_file.h"
#include "unit/temporary_folder.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>

namespace backobs {
namespace {

namespace fs = std::filesystem;

class PtFile : public ::testing::Test {
 protected:
  fs::path good() {
    const auto file = folder_.path() / "good.pt";
    write_pt(file, {{"w", values_}, {"view", values_.narrow(0, 3, 4)}});
    return file;
  }
  testing::TemporaryFolder folder_;
  const at::Tensor values_ = at::arange(100, at::kFloat).view({10, 10});
};

TEST_F(PtFile, ReadsWhatItWrote) {
  const auto found = read_pt(good());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found.at("w").equal(values_));
  EXPECT_TRUE(found.at("view").equal(values_.narrow(0, 3, 4)));
}

TEST_F(PtFile, RefusesAStorageShorterThanItsTensor) {
  const auto file = good(), bad = folder_.path() / "short.pt";
  caffe2::serialize::PyTorchStreamReader reader(file.string());
  const auto [pickle, size] = reader.getRecord("data.pkl");
  {
    caffe2::serialize::PyTorchStreamWriter writer(bad.string());
    writer.writeRecord("data/0", "abcd", 4);
    const auto [view, bytes] = reader.getRecord("data/1");
    writer.writeRecord("data/1", view.get(), bytes);
    writer.writeRecord("data.pkl", pickle.get(), size);
    writer.writeEndOfFile();
  }
  try {
    read_pt(bad);
    FAIL() << "read beyond the end of a record";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("found 4 bytes, wanted 400 bytes"), std::string::npos) << error.what();
  }
}

TEST_F(PtFile, LeavesNothingOnAFullDisk) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  const auto file = folder_.path() / "large.pt";
  EXPECT_THROW(write_pt(file, {{"w", at::zeros({100000})}}), ComputeError);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(PtFile, ReplacesNoDeviceAndNoLink) {
  EXPECT_THROW(write_pt("/dev/null", {{"w", values_}}), ComputeError);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const auto file = good(), link = folder_.path() / "link.pt";
  fs::create_symlink(file, link);
  write_pt(link, {{"w", values_ + 1}});
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(read_pt(file).at("w").equal(values_ + 1));
}

}  // namespace
}  // namespace backobs
