// SPDX-License-Identifier: MIT
#include "files/cifar_binary.h"
#include "files/cifar_pickle.h"
#include "files/cifar_strips.h"
#include "unit/foreign_files.h"
#include "unit/mutation.h"

namespace backobs {
namespace {

using testing::Bytes;

std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }
Bytes bytes_of(const std::string& content) { return {content.begin(), content.end()}; }

/// `bytes` with `old` replaced by something else of any length.
Bytes replaced(const Bytes& bytes, const std::string& old, const std::string& now) {
  std::string content = text(bytes);
  const auto at = content.find(old);
  if (at == std::string::npos) throw std::runtime_error("nothing to replace");
  return bytes_of(content.replace(at, old.size(), now));
}

template <typename Read>
std::string complaint(Read read) {
  try {
    read();
  } catch (const DataError& error) {
    EXPECT_EQ(error.where(), "here");
    return error.found();
  }
  return "no complaint";
}

TEST(CifarBinary, TakesTheLastLabelAndThePixelsAsTheyStand) {
  const Bytes first = testing::counting(3072), second = testing::counting(3072, 5);
  for (const uint64_t label_bytes : {1u, 2u}) {
    Bytes file;
    for (const auto& [label, pixels] : {std::pair<uint8_t, Bytes>(7, first), std::pair<uint8_t, Bytes>(99, second)}) {
      if (label_bytes == 2) file.push_back(255);  // the coarse label is nobody's business
      file.push_back(label);
      testing::append(file, pixels);
    }
    const auto images = read_cifar_binary("here", file, 2, label_bytes, 100);
    EXPECT_EQ(images.labels, (Bytes{7, 99}));
    EXPECT_TRUE(std::equal(first.begin(), first.end(), images.pixels.begin()));
    EXPECT_TRUE(std::equal(second.begin(), second.end(), images.pixels.begin() + 3072));
    EXPECT_EQ(complaint([&] { read_cifar_binary("here", file, 2, label_bytes, 99); }), "label 99 in row 1");
    EXPECT_NE(complaint([&] { read_cifar_binary("here", file, 3, label_bytes, 100); }), "no complaint");
    file.pop_back();
    EXPECT_EQ(complaint([&] { read_cifar_binary("here", file, 2, label_bytes, 100); }), std::to_string(file.size()) + " bytes");
  }
  EXPECT_NE(complaint([&] { read_cifar_binary("here", {}, UINT64_MAX / 3073, 1, 10); }), "no complaint");
}

class CifarPickle : public ::testing::Test {
 protected:
  LabelledImages read(const Bytes& file) const { return read_cifar_pickle("here", file, 2, "labels", 10); }
  std::string complaint_about(const Bytes& file) const {
    return complaint([&] { read(file); });
  }
  const Bytes pixels_ = testing::counting(2 * 3072);
  const Bytes sound_ = testing::cifar_pickle({3, 9}, pixels_);
};

TEST_F(CifarPickle, ReadsLabelsAndPixels) {
  const auto images = read(sound_);
  EXPECT_EQ(images.labels, (Bytes{3, 9}));
  EXPECT_EQ(images.pixels, pixels_);
  EXPECT_EQ(read_cifar_pickle("here", testing::cifar_pickle({0, 99}, pixels_, "fine_labels"), 2, "fine_labels", 100).labels, (Bytes{0, 99}));
}

TEST_F(CifarPickle, NamesFunctionsAndInstructionsItDoesNotKnow) {
  EXPECT_EQ(complaint_about(replaced(sound_, "numpy\ndtype", "os\nsystem")).rfind("function `os system`", 0), 0u);
  EXPECT_EQ(complaint_about(replaced(sound_, "numpy\nndarray", "posix\nsystem")).rfind("function `posix system`", 0), 0u);
  // The classic: call a function through INST, OBJ or STACK_GLOBAL.
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02(ios\nsystem\n.")).rfind("instruction INST ", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02(o.")).rfind("instruction OBJ ", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02\x93.")).rfind("instruction STACK_GLOBAL ", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02\x81.")).rfind("instruction NEWOBJ ", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02\xfe.")).rfind("instruction 254 ", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02" "cnumpy\nndarray\n)R.")).rfind("a call of `numpy ndarray`", 0), 0u);
}

TEST_F(CifarPickle, RefusesOtherShapesAndValues) {
  EXPECT_EQ(complaint_about(testing::cifar_pickle({3, 10}, pixels_)), "label 10 of image 1");
  EXPECT_EQ(complaint_about(testing::cifar_pickle({3}, pixels_)), "1 labels");
  EXPECT_EQ(complaint_about(testing::cifar_pickle({3, 4}, testing::counting(3072))), "another array");
  EXPECT_EQ(complaint_about(testing::cifar_pickle({3, 4}, pixels_, "others")), "no `labels` of the right type");
  EXPECT_EQ(complaint_about(replaced(sound_, "u1", "f8")), "another array");
  EXPECT_EQ(complaint_about(replaced(sound_, "tb\x89T", "tb\x88T")), "another array");  // columns fastest
  EXPECT_EQ(complaint_about(bytes_of(std::string("\x80\x02]q\0.", 6))), "no dictionary");
}

TEST_F(CifarPickle, RefusesBrokenPrograms) {
  EXPECT_NE(complaint_about({}), "no complaint");
  EXPECT_EQ(complaint_about({0x80, 4, '.'}).rfind("no pickle of protocol 2", 0), 0u);
  for (const char* program : {"t", "e", "(e", "a", "]u", "}(K\1u", "R", "b", "h\7", "j\1\1\1\1", "q\1", "\x85", "(q\1"})
    EXPECT_NE(complaint_about(bytes_of("\x80\x02" + std::string(program) + ".")), "no complaint") << program;
  EXPECT_NE(complaint_about(bytes_of("\x80\x02.")), "no complaint");                         // nothing left
  EXPECT_NE(complaint_about(bytes_of("\x80\x02]].")), "no complaint");                       // too much left
  Bytes longer = sound_;
  longer.push_back('.');
  EXPECT_EQ(complaint_about(longer).rfind("bytes behind the end", 0), 0u);
  for (std::size_t size = 0; size < sound_.size(); size += size < 200 || size + 20 > sound_.size() ? 1 : 611)
    EXPECT_NE(complaint_about({sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(size)}), "no complaint") << size;
}

TEST_F(CifarPickle, SizesThatOverflowAndBombsAreErrors) {
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02T\xff\xff\xff\xff")).rfind("a truncated pickle", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02" + std::string(3000000, 'N'))).rfind("too many values", 0), 0u);
  EXPECT_EQ(complaint_about(bytes_of("\x80\x02" + std::string(3000000, '('))).rfind("too many values", 0), 0u);
  // An array whose long state is set again and again costs no more than it says.
  std::string again = "\x80\x02" "cnumpy.core.multiarray\n_reconstruct\n)R(" + std::string(100000, 'N') + "tq\1b";
  for (int i = 0; i < 100; ++i) again += "h\1b";
  EXPECT_EQ(complaint_about(bytes_of(again)).rfind("too many values", 0), 0u);
}

TEST_F(CifarPickle, SurvivesMutations) {
  testing::expect_survival(sound_, 11, 20000, 230, [&](const Bytes& bytes) {
    const auto images = read(bytes);
    EXPECT_EQ(images.pixels.size(), 2 * 3072u);
    for (const uint8_t label : images.labels) EXPECT_LT(label, 10);
  });
}

/// Two images, one per row, three channels side by side in each pixel.
Bytes strip() { return testing::png(1024, 2, testing::counting(2 * 3072)); }

TEST(CifarStrip, SeparatesTheChannels) {
  const auto pixels = read_cifar_strip("here", strip(), 2);
  const Bytes strip_pixels = testing::counting(2 * 3072);
  ASSERT_EQ(pixels.size(), strip_pixels.size());
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = 0; i < 1024; ++i) ASSERT_EQ(pixels[n * 3072 + c * 1024 + i], strip_pixels[n * 3072 + 3 * i + c]);
}

TEST(CifarStrip, RefusesOtherImages) {
  const auto about = [](const Bytes& file) { return complaint([&] { read_cifar_strip("here", file, 2); }); };
  EXPECT_EQ(about({}), "no PNG");
  EXPECT_EQ(about(testing::counting(100)), "no PNG");
  EXPECT_EQ(about(testing::png(1024, 3, testing::counting(3 * 3072))), "another size or colour type");
  EXPECT_EQ(about(testing::png(1023, 2, testing::counting(2 * 3069))), "another size or colour type");
  EXPECT_EQ(about(testing::png(1024, 2, testing::counting(2 * 1024), 0)), "another size or colour type");
  EXPECT_EQ(about(testing::png(1024, 2, testing::counting(2 * 3072), 2, 1)), "another size or colour type");
  EXPECT_NE(about(testing::png(0x7fffffff, 2, {})), "no complaint");
  const Bytes sound = strip();
  for (std::size_t size = 8; size < sound.size(); ++size)
    ASSERT_NE(about({sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size)}), "no complaint") << size;
}

TEST(CifarStrip, SurvivesMutations) {
  testing::expect_survival(strip(), 12, 5000, SIZE_MAX, [](const Bytes& bytes) {
    EXPECT_EQ(read_cifar_strip("here", bytes, 2).size(), 2 * 3072u);
  });
}

TEST(LabelList, ReadsIntegersInRange) {
  const auto read = [](const std::string& json) { return read_label_list("here", bytes_of(json), 3, 10); };
  EXPECT_EQ(read("[0, 9,\n3]"), (Bytes{0, 9, 3}));
  for (const std::string bad : {"", "[", "[1,2]", "[1,2,3,4]", "[1,2,10]", "[1,2,-1]", "[1,2,3.0]", "[1,2,1e400]", "[1,2,null]",
                                "[1,2,99999999999999999999]", "[1,2,\"3\"]", "[1,2,[3]]", "{\"a\": 1}", "[1,2,3]]", "[1,2,3],"})
    EXPECT_NE(complaint([&] { read(bad); }), "no complaint") << bad;
  EXPECT_NE(complaint([&] { read(std::string(1000000, '[')); }), "no complaint");  // no recursion into the depth
}

TEST(LabelList, SurvivesMutations) {
  testing::expect_survival(bytes_of("[1,2,3, 4,5,6,7,8,9,0]"), 13, 20000, SIZE_MAX, [](const Bytes& bytes) {
    for (const uint8_t label : read_label_list("here", bytes, 10, 10)) EXPECT_LT(label, 10);
  });
}

}  // namespace
}  // namespace backobs
