// SPDX-License-Identifier: MIT
// One tiny set of colour images in every form in which CIFAR is passed on.
#include <backobs/error.h>

#include "data/checked_content.h"
#include "data/read_layout.h"
#include "files/checksum.h"
#include "unit/foreign_files.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cstdlib>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;

struct Batch {
  std::string name;
  Bytes labels, pixels;  ///< channel x row x column
};

class ReadLayout : public ::testing::Test {
 protected:
  ReadLayout() {
    setenv("XDG_CACHE_HOME", (folder_.path() / "cache").c_str(), 1);
    set_.name = "tiny";
    set_.title = "Tiny";
    set_.classes = 10;
    set_.train_images = 4;
    set_.test_images = 3;
    set_.image_shape = {3, 32, 32};
    set_.layouts = {{FileFormat::cifar_binary, {}, "bin", {"bin.tar.gz", 0, ""}},
                    {FileFormat::cifar_python, {}, "py", {"py.tar.gz", 0, ""}},
                    {FileFormat::cifar_strips, {}, "png", {"png.tgz", 0, ""}}};
  }

  static Bytes binary(const Batch& batch) {
    Bytes rows;
    for (std::size_t n = 0; n < batch.labels.size(); ++n) {
      rows.push_back(batch.labels[n]);
      const auto image = batch.pixels.begin() + static_cast<std::ptrdiff_t>(3072 * n);
      rows.insert(rows.end(), image, image + 3072);
    }
    return rows;
  }
  static Bytes strip(const Batch& batch) {
    Bytes pixels;
    for (std::size_t n = 0; n < batch.labels.size(); ++n)
      for (std::size_t i = 0; i < 1024; ++i)
        for (std::size_t c = 0; c < 3; ++c) pixels.push_back(batch.pixels[3072 * n + 1024 * c + i]);
    return testing::png(1024, static_cast<uint32_t>(batch.labels.size()), pixels);
  }
  static Bytes json(const Bytes& labels) {
    std::string text;
    for (const uint8_t label : labels) text += (text.empty() ? "[" : ",") + std::to_string(label);
    text += "]";
    return {text.begin(), text.end()};
  }
  /// The files of a layout, in its order, also described in the set.
  std::vector<Bytes> make(std::size_t layout) {
    std::vector<Bytes> contents;
    auto& files = set_.layouts[layout].files;
    const auto add = [&](const std::string& name, const Bytes& content) {
      files.push_back({name, content.size(), checksum(Digest::sha256, content.data(), content.size())});
      contents.push_back(content);
    };
    for (const auto& batch : batches_)
      add(batch.name, layout == 0 ? binary(batch) : layout == 1 ? testing::cifar_pickle(batch.labels, batch.pixels) : strip(batch));
    if (layout == 2) add("train.json", json({1, 2, 3, 4}));
    if (layout == 2) add("test.json", json({5, 6, 9}));
    return contents;
  }
  void write(std::size_t layout, const std::vector<Bytes>& contents, bool packed) {
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const auto name = set_.layouts[layout].folder + "/" + set_.layouts[layout].files[i].name;
      folder_.write(packed ? name + ".gz" : name, packed ? testing::gzip(contents[i]) : contents[i]);
    }
  }
  Bytes archive_of(std::size_t layout, const std::vector<Bytes>& contents) const {
    std::vector<Bytes> members = {testing::tar_member("readme.html", {1})};
    for (std::size_t i = contents.size(); i > 0; --i)  // archives have an order of their own
      members.push_back(testing::tar_member(set_.layouts[layout].folder + "/" + set_.layouts[layout].files[i - 1].name, contents[i - 1]));
    return testing::gzip(testing::tar(members));
  }
  void expect_the_set() const {
    const ImageSet images = read_layout(set_, files_in(folder_.path(), set_));
    const auto equals = [](const Tensor& found, const Bytes& expected) {
      return found.scalar_type() == at::kByte && static_cast<std::size_t>(found.numel()) == expected.size() &&
             std::equal(expected.begin(), expected.end(), found.data_ptr<uint8_t>());
    };
    Bytes train = batches_[0].pixels;
    testing::append(train, batches_[1].pixels);
    EXPECT_TRUE(equals(images.train_images, train));
    EXPECT_TRUE(equals(images.test_images, batches_[2].pixels));
    EXPECT_EQ(images.train_images.sizes(), (std::vector<int64_t>{4, 3, 32, 32}));
    EXPECT_TRUE(images.train_labels.equal(at::tensor({1, 2, 3, 4}, at::kLong)));
    EXPECT_TRUE(images.test_labels.equal(at::tensor({5, 6, 9}, at::kLong)));
  }

  const std::vector<Batch> batches_ = {{"first", {1, 2}, testing::counting(6144)}, {"second", {3, 4}, testing::counting(6144, 11)},
                                       {"test", {5, 6, 9}, testing::counting(9216, 13)}};
  testing::TemporaryFolder folder_;
  DataSet set_;
};

TEST_F(ReadLayout, TakesEveryFormPlainPackedAndArchived) {
  for (std::size_t layout = 0; layout < 3; ++layout) {
    const auto contents = make(layout);
    for (const std::string form : {"plain", "packed", "archive"}) {
      if (form == "archive") folder_.write(set_.layouts[layout].archive.name, archive_of(layout, contents));
      else write(layout, contents, form == "packed");
      SCOPED_TRACE(form + " " + set_.layouts[layout].folder);
      EXPECT_EQ(files_in(folder_.path(), set_).layout, layout);
      expect_the_set();
      fs::remove_all(folder_.path() / set_.layouts[layout].folder);
      fs::remove(folder_.path() / set_.layouts[layout].archive.name);
    }
  }
}

TEST_F(ReadLayout, RefusesWrongContentWhereverItLies) {
  for (std::size_t layout = 0; layout < 3; ++layout) {
    auto contents = make(layout);
    contents[1][contents[1].size() / 2] ^= 1;
    write(layout, contents, false);
    EXPECT_THROW(expect_the_set(), DataError);
    fs::remove_all(folder_.path() / set_.layouts[layout].folder);
    folder_.write(set_.layouts[layout].archive.name, archive_of(layout, contents));
    EXPECT_THROW(expect_the_set(), DataError);
    const auto problems = content_problems(set_, files_in(folder_.path(), set_));
    for (std::size_t i = 0; i < problems.size(); ++i) EXPECT_EQ(problems[i].empty(), i != 1);
    fs::remove(folder_.path() / set_.layouts[layout].archive.name);
  }
}

TEST_F(ReadLayout, NamesWhatAnArchiveLacks) {
  auto contents = make(0);
  contents.pop_back();
  folder_.write("bin.tar.gz", archive_of(0, contents));
  try {
    expect_the_set();
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.found(), "an archive without test");
    EXPECT_NE(error.wanted().find("`backobs data fetch tiny`"), std::string::npos) << error.what();
  }
}

TEST_F(ReadLayout, PrefersACompleteLayout) {
  write(0, {make(0)[0]}, false);
  write(1, make(1), false);
  make(2);
  EXPECT_EQ(files_in(folder_.path(), set_).layout, 1u);
  fs::remove(folder_.path() / "py/test");
  fs::create_directory(folder_.path() / "py/test");  // a folder is no file
  EXPECT_FALSE(files_in(folder_.path(), set_).is_complete());
}

}  // namespace
}  // namespace backobs
